package main

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"meterd/uplink/uplinktest"
)

// play is what an end-to-end run needs to know of a platform.
type play struct {
	build func(gateway string, meters []string) *stage
	// user gives the credentials, where they do not carry the time, so that
	// mosquitto's own password file may check them; nil: the embedded broker
	// asks the platform.
	user func() (name, password string)
	// told takes a line of mosquitto's log; nil: the platform needs none.
	told func(s *stage, line string)
	// wrong spoils the credentials in the configuration.
	wrong func(config string) string
	// command switches a meter's relay, and answers gives what came to commands.
	command      func(s *stage, id int, meter string, closed bool) uplinktest.Out
	answers      func(s *stage) []string
	done, denied string // stand in such an answer
	open         string // the value of a relay that is open
	// second is the unit of the times that it keeps; 0: it keeps none.
	second time.Duration
	// refuse has the platform give each code of refusal; what it returns tells
	// whether it has given them all.
	refuse func(s *stage) (over func() bool)
	// setAside is how many messages at least are set aside by that; 0: none.
	setAside int
}

// item gives what a value of the ring is on the platform.
func (s *stage) item(point, value string) (wanted, bool) {
	identifier := strings.ReplaceAll(point, ".", "_")
	whole, frac, _ := strings.Cut(strings.TrimPrefix(value, "-"), ".")
	for _, src := range sources {
		if src.point == identifier && len(frac) == src.decimals {
			a := answer{point: identifier, digits: whole + frac, decimals: len(frac), negative: strings.HasPrefix(value, "-")}
			if all := s.wants(a); len(all) > 0 {
				return all[0], true
			}
		}
	}
	return wanted{}, false
}

func md5Hex(s string) string {
	sum := md5.Sum([]byte(s))
	return hex.EncodeToString(sum[:])
}

// queue gives each of its codes once.
type queue struct {
	mu    sync.Mutex
	codes []int
}

func (q *queue) next() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.codes) == 0 {
		return 0
	}
	code := q.codes[0]
	q.codes = q.codes[1:]
	return code
}

func (q *queue) over() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.codes) == 0
}

var plays = map[string]play{
	"tuya": {
		build:  tuyaStage,
		user:   func() (string, string) { return "vendor01", uplinktest.Password(gatewayName, "vendor01") },
		wrong:  func(c string) string { return strings.Replace(c, "vendor01", "vendor02", 1) },
		second: time.Second,
		command: func(s *stage, id int, meter string, closed bool) uplinktest.Out {
			return s.Platform.(*uplinktest.Tuya).Command(gatewayName, fmt.Sprintf("6f9619ff-8b86-4d11-b42d-00c04fc9%04x", id), meter, "1", fmt.Sprint(closed), time.Now())
		},
		answers: func(s *stage) []string { return s.Platform.(*uplinktest.Tuya).Seen().Commands },
		done:    `"code":0`, denied: `"code":2002`, open: "false",
		refuse: func(s *stage) func() bool {
			q := &queue{codes: []int{400, 500, 1001, 1100, 1101, 1102, 1103, 2001, 2002, 2003}}
			s.Platform.(*uplinktest.Tuya).SetAnswer(func(what, _, _ string) (int, bool) {
				if what != "report" {
					return 0, false
				}
				return q.next(), false
			})
			return q.over
		},
		setAside: 6, // 1001, 1100 to 1103 and 2002
	},
	"onenet": {
		build:  subdevStage,
		wrong:  func(c string) string { return strings.Replace(c, stageKey, "d3Jvbmc=", 1) },
		second: time.Second,
		command: func(_ *stage, id int, meter string, closed bool) uplinktest.Out {
			return uplinktest.Out{
				Topic:   fmt.Sprintf("$sys/%s/%s/cmd/request/%d", stageProduct, gatewayName, id),
				Payload: fmt.Appendf(nil, `{"meter":%q,"op":"relay","action":%q}`, meter, map[bool]string{true: "close", false: "trip"}[closed]),
			}
		},
		answers: onenetAnswers,
		done:    `"outcome":"done"`, denied: `"outcome":"denied"`, open: `"open"`,
		refuse: onenetRefuse, setAside: 1,
	},
	"onenet-studio": {
		build:  studioStage,
		wrong:  func(c string) string { return strings.Replace(c, stageKey, "d3Jvbmc=", 1) },
		second: time.Millisecond,
		command: func(_ *stage, id int, meter string, closed bool) uplinktest.Out {
			return uplinktest.Out{
				Topic: fmt.Sprintf("$sys/%s/%s/thing/sub/property/set", stageProduct, gatewayName),
				Payload: fmt.Appendf(nil, `{"id":"%d","version":"1.0","params":{"productID":%q,"deviceName":%q,"params":{"relay":%q}}}`,
					id, stageProduct, meter, relayWord(closed)),
			}
		},
		answers: onenetAnswers,
		done:    `"code":200`, denied: `"code":403`, open: `"open"`,
		refuse: onenetRefuse, setAside: 1,
	},
	"das": {
		build:  dasStage,
		wrong:  func(c string) string { return strings.Replace(c, stageSecret, "wrong", 1) },
		second: time.Millisecond,
		command: func(s *stage, id int, meter string, closed bool) uplinktest.Out {
			return s.Platform.(*uplinktest.DAS).Down("thing/properties/set",
				fmt.Sprintf(`{"id":"%d","version":"1.0","params":{"%s.relay":%q},"method":"thing.properties.set"}`, id, meter, relayWord(closed)))
		},
		answers: func(s *stage) (all []string) {
			for _, r := range s.Platform.(*uplinktest.DAS).Seen().Replies {
				all = append(all, string(r.Payload))
			}
			return all
		},
		done: `"code":200`, denied: `"code":100001`, open: `"open"`,
		refuse: func(s *stage) func() bool {
			q := &queue{codes: []int{429, 400, 500}}
			bad := &bad{}
			s.Platform.(*uplinktest.DAS).SetFaults(func(topic string) (int, bool) {
				if topic != "thing/properties/gateway/up" {
					return 0, false
				}
				return q.next(), false
			}, bad.is)
			return func() bool { return q.over() && bad.over() }
		},
		setAside: 1,
	},
	"iotkit": {
		build: iotkitStage,
		user: func() (string, string) {
			return gatewayName, md5Hex(stageSecret + iotkitProduct + "_" + gatewayName + "_MD1")
		},
		told:  iotkitHears,
		wrong: func(c string) string { return strings.Replace(c, stageSecret, "wrong", 1) },
		command: func(s *stage, id int, meter string, closed bool) uplinktest.Out {
			return s.Platform.(*uplinktest.Iotkit).Command(iotkitSub, meter, "property/set", fmt.Sprint(id), fmt.Sprintf(`{"relay":%q}`, relayWord(closed)))
		},
		answers: func(s *stage) []string { return s.Platform.(*uplinktest.Iotkit).Seen().Replies },
		done:    `"code":0`, denied: `"code":403`, open: `"open"`,
		refuse: func(s *stage) func() bool {
			q := &queue{codes: []int{1, 500, 404}} // it has no table of codes
			s.Platform.(*uplinktest.Iotkit).SetAnswer(func(what, _ string) (int, bool) {
				if what != "post" {
					return 0, false
				}
				return q.next(), false
			})
			return q.over
		},
	},
	"mqtt": {
		build:  ownStage,
		user:   func() (string, string) { return gatewayName, stageSecret },
		wrong:  func(c string) string { return strings.Replace(c, stageSecret, "wrong", 1) },
		second: time.Millisecond,
		command: func(s *stage, id int, meter string, closed bool) uplinktest.Out {
			return s.Platform.(*uplinktest.Consumer).Command(fmt.Sprint(id), meter, fmt.Sprintf(`"op":"relay","value":%q`, map[bool]string{true: "close", false: "trip"}[closed]))
		},
		answers: func(s *stage) []string { return s.Platform.(*uplinktest.Consumer).Seen().Answers },
		done:    `"outcome":"done"`, denied: `"outcome":"denied"`, open: "open",
		refuse: func(s *stage) func() bool {
			bad := &bad{}
			s.Platform.(*uplinktest.Consumer).SetFaults(nil, bad.is)
			return bad.over
		},
		setAside: 1,
	},
}

func relayWord(closed bool) string {
	if closed {
		return "closed"
	}
	return "open"
}

// bad has a platform refuse one identifier three times.
type bad struct {
	mu sync.Mutex
	n  int
}

func (b *bad) is(_, key string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if key != lastOfRound {
		return false
	}
	b.n++
	return true
}

func (b *bad) over() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.n >= 3
}

func onenetAnswers(s *stage) []string { return s.Platform.(*uplinktest.Onenet).Seen().Answers }

func onenetRefuse(s *stage) func() bool {
	bad := &bad{}
	s.Platform.(*uplinktest.Onenet).SetBad(bad.is)
	return bad.over
}

// publishIn gives the topic of a message that mosquitto has taken, by a line
// of its log.
func publishIn(line string) (topic string, ok bool) {
	_, rest, ok := strings.Cut(line, "Received PUBLISH from ")
	if !ok {
		return "", false
	}
	parts := strings.Split(rest, "'")
	return parts[min(1, len(parts)-1)], len(parts) > 1
}

// iotkitHears tells the platform who connects and subscribes, as mosquitto's
// log has it: "… as CLIENT (p2, c1, k60, u'NAME')." and "CLIENT 1 FILTER".
func iotkitHears(s *stage, line string) {
	p := s.Platform.(*uplinktest.Iotkit)
	_, text, _ := strings.Cut(line, ": ")
	if _, rest, ok := strings.Cut(text, "New client connected from "); ok {
		words := strings.Fields(rest)
		if i := slices.Index(words, "as"); i >= 0 && i+1 < len(words) {
			p.Begin(words[i+1])
		}
	}
	if words := strings.Fields(text); len(words) == 3 && strings.Contains(words[0], "_") && strings.HasPrefix(words[2], "/sys/") {
		p.Subscribed(words[0], words[2])
	}
}
