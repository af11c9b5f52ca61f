package uplink

import (
	"encoding/json"
	"maps"
	"slices"
)

// Shadow is what a platform keeps of a device: what it wishes of it, since when,
// and what it last heard. DAS and EnjoyIot have it in the same form.
type Shadow struct {
	State struct {
		Desired  map[string]json.RawMessage `json:"desired"`
		Reported map[string]json.RawMessage `json:"reported"`
	} `json:"state"`
	Metadata struct {
		Desired map[string]struct {
			Timestamp int64 `json:"timestamp"`
		} `json:"desired"`
	} `json:"metadata"`
}

// Wish is what a shadow wishes of a property.
type Wish struct {
	Key, Value string
	Stamp      int64 // since when, in the platform's unit; 0: it does not say
	Fulfilled  bool  // that is so already, as was reported
}

// Wishes gives them in the order of their names.
func (s *Shadow) Wishes() (all []Wish) {
	for _, key := range slices.Sorted(maps.Keys(s.State.Desired)) {
		value := Word(s.State.Desired[key])
		all = append(all, Wish{key, value, s.Metadata.Desired[key].Timestamp, Fulfilled(value, Word(s.State.Reported[key]))})
	}
	return all
}
