package onenet

import (
	"cmp"
	"encoding/json"
	"math/rand/v2"
	"strconv"
	"time"

	"meterd/dlt645"
	"meterd/uplink"
)

// StudioConfig is what OneNET Studio needs to know.
type StudioConfig struct {
	Identity
	// Wildcard has all topics subscribed to by one: what comes beyond the ten
	// single ones that a session may have is understood then.
	Wildcard bool
	// Desired has what the platform wishes carried out after each connect, of what
	// the meters let it set, although it does not say since when it is wished. Needs
	// Wildcard.
	Desired      bool
	SubProductID string            // of the sub-devices; "": ProductID
	Directory    *uplink.Directory // a device's key is that of a sub-device that logs in
}

// Studio is the dialect of OneNET Studio's thing model (OneJSON).
type Studio struct {
	StudioConfig
	dir   *uplink.Directory
	last  int64             // id of the last message; a start begins anywhere, so that a late answer to the last one acknowledges nothing of it
	alone map[string]uint64 // the records of messages that carry but one
	again map[uint64]bool   // the records that got their second try

	bundles  uplink.Bundles          // of commands that wait for their outcomes
	waiting  []waiting               // requests that the platform does not wait for long
	late     []string                // commands whose requests were answered before their outcome was known
	missing  map[dlt645.Address]bool // that are not in the gateway's topology, as the platform says
	topology string                  // id of the question for it, in this connection
	wishes   wishes
	rung     func() // is told when there is a package; nil: none is taken
}

// NewStudio gives the platform.
func NewStudio(c StudioConfig) *Studio {
	c.SubProductID = cmp.Or(c.SubProductID, c.ProductID)
	return &Studio{StudioConfig: c, dir: c.Directory, last: rand.Int64N(mostNumber), missing: map[dlt645.Address]bool{}}
}

// Directory says who is who on the platform.
func (s *Studio) Directory() *uplink.Directory { return s.dir }

// Limits of the platform: the token has a rule for a doubted clock,
// registrations go in turn, and it delays what comes faster than one message
// in a second.
func (s *Studio) Limits() uplink.Limits {
	return uplink.Limits{Registers: 1, Batch: 100, Pace: uplink.Pace{Messages: 1, Per: time.Second}}
}

// Login gives the token, and what is subscribed to.
func (s *Studio) Login(now time.Time) uplink.Login {
	l := s.Identity.Login(now)
	l.Topics = s.topics()
	s.topology, s.wishes = "", wishes{set: s.wishes.set} // both are asked for again
	return l
}

func (s *Studio) topic(name string) string {
	return "$sys/" + s.ProductID + "/" + s.Device + "/thing/" + name
}

// Levels of topics after thing/.
const (
	packPost    = "pack/post"
	historyPost = "history/post"
	topoAdd     = "sub/topo/add"
	subLogin    = "sub/login"
	subLogout   = "sub/logout"
	subSet      = "sub/property/set"
	subGet      = "sub/property/get"
	subService  = "sub/service/invoke"
	ownSet      = "property/set" // of the gateway
	ownGet      = "property/get"
	topoChange  = "sub/topo/change"
	replyLevel  = "/reply"

	// These are understood with a wildcard alone.
	ownService    = "service/" // and its name, and invokeLevel
	invokeLevel   = "/invoke"
	topoGet       = "sub/topo/get"
	topoResult    = "sub/topo/get/result"
	desiredGet    = "property/desired/get"
	desiredDelete = "property/desired/delete"
)

// topics are within the ten that a session may have.
func (s *Studio) topics() []string {
	if s.Wildcard {
		return []string{s.topic("#"), s.upgradeTopic()}
	}
	var all []string
	for _, name := range []string{
		packPost + replyLevel, historyPost + replyLevel, subLogin + replyLevel, topoAdd + replyLevel,
		subSet, subGet, subService, ownSet, ownGet, topoChange,
	} {
		all = append(all, s.topic(name))
	}
	return all
}

// mostNumber has the 13 digits that an id may have.
const mostNumber = 9999999999999

// nextID is a string of digits, at most 13.
func (s *Studio) nextID() string {
	s.last = s.last%mostNumber + 1
	return strconv.FormatInt(s.last, 10)
}

type request struct {
	ID      string `json:"id"`
	Version string `json:"version"`
	Params  any    `json:"params"`
}

func (s *Studio) message(name string, params any) uplink.Message {
	id := s.nextID()
	b, err := json.Marshal(request{id, "1.0", params})
	if err != nil {
		panic(err) // our own types always marshal
	}
	return uplink.Message{ID: name + ":" + id, Topic: s.topic(name), Payload: b}
}
