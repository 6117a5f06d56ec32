CREATE TABLE `späße` (`größe` int, `名前` varchar(10) COMMENT '🚀');
