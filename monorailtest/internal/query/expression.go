package query

import (
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

func parseExpression(any) (node, error) {
	return nil, mongoerror.New(mongoerror.NotImplemented, "$expr is not supported by this server")
}

func hasExpression(node) bool { return false }
