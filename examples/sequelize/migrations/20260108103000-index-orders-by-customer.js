'use strict'

/** @type {import('sequelize-cli').Migration} */
module.exports = {
  up: (queryInterface) =>
    queryInterface.addIndex('orders', ['customer_id'], {
      name: 'orders_customer_id_idx',
      concurrently: true,
    }),

  down: (queryInterface) =>
    queryInterface.removeIndex('orders', 'orders_customer_id_idx', { concurrently: true }),
}
