CREATE TABLE `späße` (`größe` bigint, `名前` varchar(20) CHARACTER SET utf8mb4 DEFAULT '🚀' COMMENT '🚀🚀', CHECK (`größe` <> 5));
CREATE VIEW `ansicht ü` AS SELECT `größe`, '🚀' AS `x'y"z` FROM `späße`;
