INSERT INTO stays VALUES ('[1,3)', '[4,7)'), ('[5,9)', '[7,8)');
