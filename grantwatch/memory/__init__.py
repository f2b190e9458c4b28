"""What is remembered between records: pure logic over a state store, indifferent to order and repetition."""
