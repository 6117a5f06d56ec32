"""The shop as models of SQLAlchemy."""

from sqlalchemy import BigInteger, Column, DateTime, Enum, ForeignKey, Index, Text, func
from sqlalchemy.orm import declarative_base

Base = declarative_base()


class Customer(Base):
    __tablename__ = "customers"

    id = Column(BigInteger, primary_key=True)
    name = Column(Text, nullable=False)
    email = Column(Text, unique=True)


class Order(Base):
    __tablename__ = "orders"
    __table_args__ = (Index("orders_customer_id_idx", "customer_id"),)

    id = Column(BigInteger, primary_key=True)
    customer_id = Column(BigInteger, ForeignKey("customers.id"), nullable=False)
    status = Column(Enum("open", "closed", name="order_status"), nullable=False, server_default="open")
    placed_at = Column(DateTime(timezone=True), nullable=False, server_default=func.now())
