package command

import (
	"context"

	"go.mongodb.org/mongo-driver/bson"
)

// configureFailPoint sets, changes or removes the fail point failCommand. It answers how many commands the fail point
// had hit before.
func configureFailPoint(_ context.Context, s *State, r *Request) (bson.D, error) {
	entered, err := s.FailPoints.Configure(r.Body)
	if err != nil {
		return nil, err
	}
	return bson.D{{Key: "count", Value: entered}}, nil
}
