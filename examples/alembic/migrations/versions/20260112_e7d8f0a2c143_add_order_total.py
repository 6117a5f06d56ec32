"""Add order total

Revision ID: e7d8f0a2c143
Revises: b4a6c9e1f032
Create Date: 2026-01-12 16:45:31.220947

"""
from alembic import op
import sqlalchemy as sa

revision = "e7d8f0a2c143"
down_revision = "b4a6c9e1f032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("orders", sa.Column("total_cents", sa.BigInteger(), server_default="0", nullable=False))
    op.execute(
        """
        create function order_total_is_valid(total bigint) returns boolean language plpgsql immutable as $$
        begin
            return total >= 0; -- refunds are orders of their own
        end
        $$
        """
    )
    op.create_check_constraint("orders_total_valid", "orders", "order_total_is_valid(total_cents)")


def downgrade() -> None:
    op.drop_constraint("orders_total_valid", "orders")
    op.execute("drop function order_total_is_valid")
    op.drop_column("orders", "total_cents")
