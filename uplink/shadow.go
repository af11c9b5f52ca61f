package uplink

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"meterd/meter"
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
	Said       time.Time // since when; zero: it does not say
	fulfilled  bool      // that is so already, as was reported
}

// Wishes gives them in the order of their names. Said reads the platform's times.
func (s *Shadow) Wishes(said func(int64) time.Time) (all []Wish) {
	for _, key := range slices.Sorted(maps.Keys(s.State.Desired)) {
		value := Word(s.State.Desired[key])
		all = append(all, Wish{key, value, said(s.Metadata.Desired[key].Timestamp), Fulfilled(value, Word(s.State.Reported[key]))})
	}
	return all
}

// Wished gives the commands that wishes mean, as many as a message may set; of
// tells whose property a wish is of, by which name, and the command's id. A wish
// of no time, or that is a mistake, is passed over: there is no answer to it. Of
// two for one thing, under two names, the later one counts, also where it is
// fulfilled already; of two of one time neither, unless they wish the same.
func (d *Directory) Wished(all []Wish, of func(Wish) (m *meter.Handle, property, id string, ok bool)) (commands []meter.Command) {
	type thing struct {
		of   *meter.Handle
		what string
	}
	var order []thing
	type one struct {
		meter.Command
		value string
		done  bool
	}
	counts := map[thing]one{}
	for _, wish := range all {
		if wish.Said.IsZero() || len(wish.Key) > MostID {
			continue
		}
		m, property, id, ok := of(wish)
		if !ok {
			continue
		}
		c, no := d.Setting(property, wish.Value)
		if no != nil {
			continue
		}
		c.Meter, c.Said, c.ID = m, wish.Said, id
		key := thing{m, d.what(c)}
		other, twice := counts[key]
		switch {
		case !twice:
			order = append(order, key)
		case other.Said.After(wish.Said):
			continue
		case other.Said.Equal(wish.Said):
			other.done = other.done || wish.fulfilled || !Fulfilled(wish.Value, other.value)
			counts[key] = other
			continue
		}
		counts[key] = one{c, wish.Value, wish.fulfilled}
	}
	for _, key := range order {
		if o := counts[key]; !o.done && len(commands) < MostSettings {
			commands = append(commands, o.Command)
		}
	}
	return commands
}
