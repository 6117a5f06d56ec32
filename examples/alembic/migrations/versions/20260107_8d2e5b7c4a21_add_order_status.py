"""Add order status

Revision ID: 8d2e5b7c4a21
Revises: 3f1c2a9d7b10
Create Date: 2026-01-07 14:01:10.774210

"""
from alembic import op
import sqlalchemy as sa

revision = "8d2e5b7c4a21"
down_revision = "3f1c2a9d7b10"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("orders", sa.Column("status", sa.Text(), server_default="open", nullable=False))
    op.create_check_constraint(
        "orders_status_known", "orders", "status in ('open', 'paid', 'sent', 'cancelled')"
    )
    op.execute("update orders set status = 'sent' where placed_at < date '2026-01-01'")


def downgrade() -> None:
    op.drop_constraint("orders_status_known", "orders")
    op.drop_column("orders", "status")
