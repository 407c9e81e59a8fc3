// Package pipeline holds the stages of aggregate, and the accumulators of $group.
//
// Parse makes a Pipeline of the stages that a command has, in three steps that follow each other as
// in MongoDB, so that the first error is the same: names and what else can be seen in a stage by
// itself, stage by stage what it means, and where stages may stand. Open starts a run. Documents then
// go through the stages one by one: what needs them all, as $sort does, takes them when it is first
// asked for one.
//
// What a stage needs of the server beside the documents that come to it, is a Host.
package pipeline
