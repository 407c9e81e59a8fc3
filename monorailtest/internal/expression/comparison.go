package expression

func init() {
	is := func(name string, wanted func(order int) bool) *operator {
		return &operator{name: name, least: 2, most: 2, evaluate: ordered(func(f *frame, a, b any) (any, error) {
			return wanted(f.compare(a, b)), nil
		})}
	}
	register(
		is("$eq", func(order int) bool { return order == 0 }),
		is("$ne", func(order int) bool { return order != 0 }),
		is("$lt", func(order int) bool { return order < 0 }),
		is("$lte", func(order int) bool { return order <= 0 }),
		is("$gt", func(order int) bool { return order > 0 }),
		is("$gte", func(order int) bool { return order >= 0 }),
		&operator{name: "$cmp", least: 2, most: 2, evaluate: ordered(func(f *frame, a, b any) (any, error) {
			switch order := f.compare(a, b); {
			case order < 0:
				return int32(-1), nil
			case order > 0:
				return int32(1), nil
			}
			return int32(0), nil
		})},
	)
}
