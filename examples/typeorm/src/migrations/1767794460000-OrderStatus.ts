import { MigrationInterface, QueryRunner } from 'typeorm'

export class OrderStatus1767794460000 implements MigrationInterface {
  name = 'OrderStatus1767794460000'

  public async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`CREATE TYPE "public"."orders_status_enum" AS ENUM('open', 'closed')`)
    await queryRunner.query(
      `ALTER TABLE "orders" ADD "status" "public"."orders_status_enum" NOT NULL DEFAULT 'open'`,
    )
    await queryRunner.query(`INSERT INTO "customers" ("name", "email") VALUES ($1, $2)`, [
      "O'Hara",
      'first@example.com',
    ])
  }

  public async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DELETE FROM "customers" WHERE "email" = $1`, ['first@example.com'])
    await queryRunner.query(`ALTER TABLE "orders" DROP COLUMN "status"`)
    await queryRunner.query(`DROP TYPE "public"."orders_status_enum"`)
  }
}
