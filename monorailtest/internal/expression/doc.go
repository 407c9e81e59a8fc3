// Package expression holds the expressions of aggregation: field paths, literals and the operators
// that compute a value from a document.
//
// Parse makes an Expression of what stands in a command, once; Evaluate computes its value, as
// often as there are documents, from any goroutine. What an expression may refer to beside the
// document, and how it compares, is its Scope: a command has one, and stages that bind variables
// derive theirs from it by Define and WithConstant.
//
// Parts that are constant are computed when the expression is parsed. An error that comes up then
// is MongoDB's "Failed to optimize pipeline": it fails the command even where there are no
// documents. Scope.FoldError has it.
package expression
