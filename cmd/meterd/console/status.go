package console

import (
	"time"

	"meterd/dlt645"
)

// Status is the state of the whole board: what `exec -json status` gives.
type Status struct {
	Gateway string         `json:"gateway"`
	Version string         `json:"version"`
	Uptime  int64          `json:"uptime_s"`
	Clock   ClockStatus    `json:"clock"`
	Buses   []BusStatus    `json:"buses"`
	Meters  []MeterStatus  `json:"meters"`
	Uplinks []UplinkStatus `json:"uplinks"`
	Ring    RingStatus     `json:"ring"`
	Unkept  string         `json:"state_error"` // why what was learned could not be kept

	Health   HealthStatus   `json:"health"`
	Watchdog WatchdogStatus `json:"watchdog"`
	Config   ConfigStatus   `json:"config"`
	Network  *NetworkStatus `json:"network,omitempty"` // none where it is the system's
	Program  ProgramStatus  `json:"program"`
	Record   *RecordStatus  `json:"record,omitempty"` // of yesterday; none where nothing is made up

	Now time.Time `json:"-"`
}

// ConfigStatus tells whether the configuration has proved itself.
type ConfigStatus struct {
	State string      `json:"state"` // as that of ConfigText
	Blank bool        `json:"blank"` // there is none of the board's own yet
	Until *time.Time  `json:"until"` // of the trial
	Says  dlt645.Text `json:"-"`
}

// ClockStatus tells whether the time is right.
type ClockStatus struct {
	Trusted bool      `json:"trusted"`
	Source  string    `json:"source"`
	Time    time.Time `json:"time"`
	// Opinions are of those who know the time, those first that count most.
	Opinions []ClockOpinion `json:"opinions"`
}

// BusStatus is a line. Load is the share of the time that the line was in
// use since the start.
type BusStatus struct {
	Name       string  `json:"name"`
	Port       string  `json:"port"`
	Load       float64 `json:"load"`    // of the last 15 minutes
	Planned    float64 `json:"planned"` // by the plan
	Requests   int     `json:"requests"`
	Answers    int     `json:"answers"`
	Noise      int     `json:"noise"`
	Garbled    int     `json:"garbled"` // of the noise: as if parity or rate were wrong
	Silence    int     `json:"silence"`
	Refusals   int     `json:"refusals"`
	Retries    int     `json:"retries"`
	Late       int     `json:"late"`
	Echoes     int     `json:"echoes"`
	Other      string  `json:"other_protocol"` // of the last frame that was not of DL/T 645
	PortErrors int     `json:"port_errors"`
	PortErr    string  `json:"port_error"` // why the port does not work at present
}

// MeterStatus is a meter. Success is the share of the rounds that were read
// whole.
type MeterStatus struct {
	Name     string     `json:"name"`
	Address  string     `json:"address"`
	Bus      string     `json:"bus"`
	Online   bool       `json:"online"`
	Asked    bool       `json:"asked"`
	LastGood *time.Time `json:"last_good"`
	Success  float64    `json:"success"`
	Rounds   int        `json:"rounds"`
	Lost     int        `json:"lost"`
	Missed   int        `json:"missed"`
	LastErr  string     `json:"last_error"`
	Relay    string     `json:"relay,omitempty"` // "closed" or RelayOpen, as it was read last; "": not read

	Requests int     `json:"requests"`
	Answers  int     `json:"answers"` // refusals too
	Refusals int     `json:"refusals"`
	Silence  int     `json:"silence"`
	Noise    int     `json:"noise"`
	Foreign  int     `json:"foreign"` // of the silence: another meter answered
	Retries  int     `json:"retries"`
	Late     float64 `json:"late_ms"` // after which an answer came that was given up; 0: none did
	P50      float64 `json:"p50_ms"`  // answer times
	P90      float64 `json:"p90_ms"`
	P99      float64 `json:"p99_ms"`
}

// RelayOpen is the state of a relay that lets nothing through.
const RelayOpen = "open"

// UplinkStatus is a platform. Queued counts readings that are not
// acknowledged; the others count messages but for lost, which counts
// readings.
type UplinkStatus struct {
	Name        string         `json:"name"`
	Kind        string         `json:"kind"`
	Broker      string         `json:"broker"`  // the one that is used, or whose turn it is
	Brokers     int            `json:"brokers"` // that there are
	Connected   bool           `json:"connected"`
	Held        bool           `json:"held"`           // nothing goes out: the consumer is not online
	Twin        bool           `json:"twin,omitempty"` // another client may use our id
	Since       time.Time      `json:"since"`
	Queued      int            `json:"queued"`
	Outstanding int            `json:"outstanding"`
	Acked       int            `json:"acked"`
	Resent      int            `json:"resent"`
	Refused     int            `json:"refused"`
	SetAside    int            `json:"set_aside"`
	Withheld    int            `json:"withheld"`
	WithheldOf  map[string]int `json:"withheld_of"` // by point
	Lost        int            `json:"lost"`
	Overwritten int            `json:"overwritten"` // while they waited; they count as lost once it is delivered on
	// OverwrittenSince is when the first of those was taken, where that is known;
	// the last was taken before Oldest.
	OverwrittenSince *time.Time     `json:"overwritten_since,omitempty"`
	Undated          int            `json:"undated"`
	Strangers        int            `json:"strangers,omitempty"` // readings of meters that the configuration does not name
	Cursor           uint64         `json:"cursor"`
	Codes            map[string]int `json:"codes"`
	LastErr          string         `json:"last_error"`
	Hint             dlt645.Text    `json:"-"`
	LastRefusal      string         `json:"last_refusal"`
	LastAside        string         `json:"last_set_aside"`
	Unregistered     []string       `json:"unregistered"`
	RTT50            float64        `json:"rtt_p50_ms"` // message to acknowledgement, of the last 64
	RTT99            float64        `json:"rtt_p99_ms"`
	// Oldest is the time of the oldest reading that is not acknowledged.
	Oldest *time.Time `json:"oldest"`
}

// RingStatus is the store.
type RingStatus struct {
	Capacity int64  `json:"capacity_bytes"`
	Used     int64  `json:"used_bytes"`
	First    uint64 `json:"first"`
	Last     uint64 `json:"last"`
	Lost     int    `json:"lost"`
	Corrupt  int    `json:"corrupt"`
	Written  int64  `json:"bytes_written"`
	Waiting  int    `json:"waiting"`
	LastErr  string `json:"last_error"`
	Path     string `json:"path"`
	Foreign  bool   `json:"foreign"` // what stands there is no ring that this program reads
	Holds    int64  `json:"holds_s"` // how long it takes to write all of it at the present pace; 0: not known
}
