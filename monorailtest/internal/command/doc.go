// Package command answers the commands of a MongoDB client: one table registers them all, and one file holds each
// command or family of commands. What a real server answers is the measure (MongoDB 4.4, standalone or member of a replica set).
package command
