package expression

// operators are those that take a list of operands, by the name in a command.
var operators = map[string]*operator{}

// register adds operators to the table. It runs while the package is initialized only.
func register(list ...*operator) {
	for _, op := range list {
		operators[op.name] = op
	}
}

func init() {
	parsers["$literal"] = parseLiteral
	parsers["$const"] = parseLiteral
}

func parseLiteral(_ *parser, _ string, argument any, _ *variable) (node, error) {
	return constant{argument}, nil
}
