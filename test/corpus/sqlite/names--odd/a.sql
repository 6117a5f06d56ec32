CREATE TABLE "select" ("from" INTEGER, "a b" TEXT, "quo""te" TEXT, [br ackets] TEXT, `tick` TEXT, "💾" TEXT);
