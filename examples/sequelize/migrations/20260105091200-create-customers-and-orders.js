'use strict'

/** @type {import('sequelize-cli').Migration} */
module.exports = {
  async up(queryInterface, Sequelize) {
    await queryInterface.createTable('customers', {
      id: { type: Sequelize.BIGINT, primaryKey: true, autoIncrement: true },
      name: { type: Sequelize.TEXT, allowNull: false },
      email: { type: Sequelize.TEXT, unique: true },
    })
    await queryInterface.createTable('orders', {
      id: { type: Sequelize.BIGINT, primaryKey: true, autoIncrement: true },
      customer_id: {
        type: Sequelize.BIGINT,
        allowNull: false,
        references: { model: 'customers', key: 'id' },
      },
      placed_at: { type: Sequelize.DATE, allowNull: false, defaultValue: Sequelize.fn('now') },
    })
    await queryInterface.bulkInsert('customers', [{ name: "O'Hara", email: 'first@example.com' }])
  },

  async down(queryInterface) {
    await queryInterface.dropTable('orders')
    await queryInterface.dropTable('customers')
  },
}
