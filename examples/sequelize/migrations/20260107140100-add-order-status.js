'use strict'

/** @type {import('sequelize-cli').Migration} */
module.exports = {
  async up(queryInterface, Sequelize) {
    await queryInterface.sequelize.transaction(async (transaction) => {
      await queryInterface.addColumn(
        'orders',
        'status',
        { type: Sequelize.ENUM('open', 'closed'), allowNull: false, defaultValue: 'open' },
        { transaction },
      )
      await queryInterface.bulkUpdate('orders', { status: 'closed' }, { customer_id: 1 }, { transaction })
    })
  },

  async down(queryInterface) {
    await queryInterface.sequelize.transaction(async (transaction) => {
      await queryInterface.removeColumn('orders', 'status', { transaction })
      await queryInterface.sequelize.query('drop type "enum_orders_status"', { transaction })
    })
  },
}
