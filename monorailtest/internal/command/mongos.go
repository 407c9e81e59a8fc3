package command

import (
	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// Mongos says how the server presents itself as a mongos. It never changes. The zero value does not.
type Mongos struct {
	// Presents says that hello is answered as by a mongos.
	Presents bool
	// Services are the ids of the mongos behind a load balancer that clients take turns to reach, connection by
	// connection; empty without a load balancer.
	Services []primitive.ObjectID
}

// NewServices returns the ids of n mongos.
func NewServices(n int) []primitive.ObjectID {
	ids := make([]primitive.ObjectID, n)
	for i := range ids {
		ids[i] = primitive.NewObjectID()
	}
	return ids
}

// service numbers the mongos that the connection reached, from 0.
func (m *Mongos) service(c *Conn) int {
	if len(m.Services) == 0 {
		return 0
	}
	return int(c.ID-1) % len(m.Services)
}

// greet returns what the hello of a mongos has besides. A client that comes through a load balancer has to know that it
// does.
func (m *Mongos) greet(r *Request) (bson.D, error) {
	if !m.Presents {
		return nil, nil
	}
	reply := bson.D{{Key: "msg", Value: "isdbgrid"}}
	if len(m.Services) == 0 {
		return reply, nil
	}
	if knows, _ := truth(r.Body.Lookup("loadBalanced")); !knows {
		return nil, mongoerror.New(mongoerror.LoadBalancerSupportMismatch,
			"The server is being accessed through a load balancer, but this driver does not have load balancing enabled")
	}
	return append(reply, bson.E{Key: "serviceId", Value: m.Services[m.service(r.Conn)]}), nil
}
