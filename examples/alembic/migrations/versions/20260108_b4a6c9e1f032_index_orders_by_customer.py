"""Index orders by customer

The index is built while the application goes on writing, which PostgreSQL allows only outside of a transaction.

Revision ID: b4a6c9e1f032
Revises: 8d2e5b7c4a21
Create Date: 2026-01-08 10:30:02.551873

"""
from alembic import op

revision = "b4a6c9e1f032"
down_revision = "8d2e5b7c4a21"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.create_index(
            "orders_customer_id_idx", "orders", ["customer_id"], postgresql_concurrently=True
        )


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.drop_index("orders_customer_id_idx", "orders", postgresql_concurrently=True)
