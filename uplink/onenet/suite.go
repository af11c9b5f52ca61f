package onenet

import (
	"math/rand/v2"
	"strings"
	"time"

	"meterd/uplink"
)

// The forms of streams in the old suite.
const (
	StreamsObject = "object" // one stream a meter, named by its id, its value an object of identifiers
	StreamsFlat   = "flat"   // a stream for each value: {id}_{identifier}
	StreamsSubdev = "subdev" // each meter through $subdev, with its own key
)

// SuiteConfig is what the old suite needs to know.
type SuiteConfig struct {
	Identity
	Streams   string
	Directory *uplink.Directory // a device's key is that of a sub-device
}

// Suite is the dialect of the old MQTT suite.
type Suite struct {
	SuiteConfig
	dir    *uplink.Directory
	last   int32 // id of the last message; a start begins anywhere, so that a late answer to the last one acknowledges nothing of it
	joined joined
}

// NewSuite gives the platform.
func NewSuite(c SuiteConfig) *Suite {
	return &Suite{SuiteConfig: c, dir: c.Directory, last: rand.Int32(), joined: newJoined()}
}

// Directory says who is who on the platform.
func (s *Suite) Directory() *uplink.Directory { return s.dir }

// Limits of the platform: the token has a rule for a doubted clock, logins are
// limited, and who sends over 100 messages in 5 s is banned for 5 minutes.
func (s *Suite) Limits() uplink.Limits {
	return uplink.Limits{Registers: 1, Batch: 200, Pace: uplink.Pace{Messages: 80, Per: 5 * time.Second}}
}

// StreamName reports whether the platform takes a stream's name: at most 30
// bytes of letters, digits, _ and ., and one $ in front.
func StreamName(s string) bool {
	rest := strings.TrimPrefix(s, "$")
	return s != "" && len(s) <= 30 && !strings.ContainsFunc(rest, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '.')
	})
}

// Login begins a session: what was on its way is sent again.
func (s *Suite) Login(now time.Time) uplink.Login {
	clear(s.joined.out)
	l := s.Identity.Login(now)
	l.Topics = s.topics()
	return l
}

func (s *Suite) own(rest string) string { return "$sys/" + s.ProductID + "/" + s.Device + "/" + rest }

func (s *Suite) sub(d *uplink.Device, rest string) string {
	return "$subdev/" + s.ProductID + "/" + d.ID + "/" + rest
}

const (
	postTopic    = "dp/post/json"
	requestTopic = "cmd/request/"
	responseName = "cmd/response/"
)

// topics are within the 15 that a device may subscribe to.
func (s *Suite) topics() []string {
	all := []string{s.own(postTopic + "/+"), s.own(requestTopic + "+"), s.own(responseName + "+/+")}
	if s.Streams == StreamsSubdev {
		for i := range s.dir.Devices()[:min(MostSubdevs, len(s.dir.Devices()))] {
			all = append(all, s.sub(&s.dir.Devices()[i], "#"))
		}
	}
	return all
}

// nextID counts from 1 to 2^31-1 and begins again.
func (s *Suite) nextID() int32 {
	if s.last++; s.last <= 0 {
		s.last = 1
	}
	return s.last
}
