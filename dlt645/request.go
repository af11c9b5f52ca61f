package dlt645

import (
	"fmt"
	"time"
)

// Limits of the standard for the length byte. Longer frames are met and read
// all the same; what is sent is told to be Overlong.
const (
	MaxReadData  = 200
	MaxWriteData = 50
)

// Password is PA P0 P1 P2 in the order of the wire: PA is the level, 00 to
// 09, and 02 what parameters usually need. 96H to 99H mark data that are
// enciphered or carry a MAC, which needs keys that no third party has.
type Password [4]byte

// Operator is the operator code C0 C1 C2 C3 in the order of the wire. Meters
// keep it in their records.
type Operator [4]byte

// Access is what writing and control take: who may, and who did.
type Access struct {
	Password Password
	Operator Operator // of 2007 alone
}

// function picks the code of the edition.
func function(p Protocol, f2007, f1997 Function) Control {
	if p == V1997 {
		return Control(f1997)
	}
	return Control(f2007)
}

// ReadRequest asks a meter for one data identifier: 11H in the 2007 edition
// (clause 7.1.2), 01H in that of 1997.
func ReadRequest(a Address, di DI) Frame {
	data, _ := di.AppendBinary(make([]byte, 0, 4))
	return Frame{Address: a, Control: function(di.Protocol, FuncRead, Func97Read), Data: data}
}

// LoadRequest asks for n load records from the earliest or latest on (DI0 00
// and 02). With a time it asks from then on (DI0 01).
func LoadRequest(a Address, di DI, n byte, from time.Time) Frame {
	f := ReadRequest(a, di)
	f.Data = append(f.Data, n)
	if !from.IsZero() {
		f.Data = append(f.Data, appendTime(nil, from)[1:]...)
	}
	return f
}

// ReadMoreRequest asks for the next part of an answer that said there is more:
// 12H with a SEQ that counts from 1 in the 2007 edition (clause 7.1.3), 02H
// without one in that of 1997 (weakly attested).
func ReadMoreRequest(a Address, di DI, seq byte) Frame {
	data, _ := di.AppendBinary(make([]byte, 0, 5))
	if di.Protocol == V2007 {
		data = append(data, seq)
	}
	return Frame{Address: a, Control: function(di.Protocol, FuncReadMore, Func97ReadMore), Data: data}
}

// RereadRequest asks a meter of 1997 to repeat its last answer (03H, weakly
// attested).
func RereadRequest(a Address) Frame { return Frame{Address: a, Control: Control(Func97Reread)} }

// AddressRequest asks the one meter on a line for its address: 13H, to the
// all-AA address only. The edition of 1997 has no such function.
func AddressRequest() Frame {
	return Frame{Address: AnyAddress, Control: Control(FuncReadAddress)}
}

// WriteRequest writes a value, in the order of the wire: 14H in the 2007
// edition (clause 7.1.5), 04H in that of 1997. One of more than MaxWriteData
// bytes is Overlong, which some meters take; more than a frame holds is an
// error.
func WriteRequest(a Address, di DI, by Access, value []byte) (Frame, error) {
	data, _ := di.AppendBinary(nil)
	data = append(data, by.Password[:]...)
	if di.Protocol == V2007 {
		data = append(data, by.Operator[:]...)
	}
	data = append(data, value...)
	if len(data) > MaxData {
		return Frame{}, fmt.Errorf("dlt645: writing %s takes %d bytes of data, at most %d fit", di, len(data), MaxData)
	}
	return Frame{Address: a, Control: function(di.Protocol, FuncWrite, Func97Write), Data: data}, nil
}

// Overlong reports whether a request to write carries more data than the
// standard allows. Meters may refuse it, or say nothing.
func (f Frame) Overlong() bool {
	fn := f.Control.Function()
	return !f.Control.Response() && (fn == FuncWrite || fn == Func97Write) && len(f.Data) > MaxWriteData
}

// WriteAddressRequest gives the one meter on a line a new address: 15H to the
// all-AA address (clause 7.1.6), 0AH in the edition of 1997 (weakly
// attested). The answer carries the new address.
func WriteAddressRequest(p Protocol, to Address) Frame {
	return Frame{Address: AnyAddress, Control: function(p, FuncWriteAddress, Func97WriteAddress), Data: to.appendWire(nil)}
}

// AuthenticateRequest carries security data to a meter (03H, clause 7.1.1 of
// the extension). Di is 07xxxxxx.
func AuthenticateRequest(a Address, di DI, by Operator, data []byte) Frame {
	b, _ := di.AppendBinary(nil)
	return Frame{Address: a, Control: Control(FuncAuthenticate), Data: append(append(b, by[:]...), data...)}
}

// TimeBroadcast sets the clocks of all meters on a line (08H): ss mm hh DD MM
// YY in BCD, in the location of t. No meter answers. Meters ignore it near
// midnight and when their clock is far off, so read the clock afterwards.
func TimeBroadcast(t time.Time) Frame {
	return Frame{Address: BroadcastAddress, Control: Control(FuncBroadcastTime), Data: appendTime(nil, t)}
}

// Freeze says when a meter freezes its registers: at once, or each hour, day
// or month.
type Freeze struct {
	Every        FreezeEvery
	Day          int // of the month
	Hour, Minute int
}

// FreezeEvery is the period of a Freeze.
type FreezeEvery uint8

// The periods of a Freeze.
const (
	FreezeNow FreezeEvery = iota
	FreezeHourly
	FreezeDaily
	FreezeMonthly
)

// FreezeRequest asks a meter to freeze (16H, clause 7.1.8): mm hh DD MM with
// 99 where any value will do. Meters do not answer the broadcast address.
func FreezeRequest(a Address, at Freeze) Frame {
	data := []byte{0x99, 0x99, 0x99, 0x99}
	if at.Every >= FreezeHourly {
		data[0] = bcd(at.Minute)
	}
	if at.Every >= FreezeDaily {
		data[1] = bcd(at.Hour)
	}
	if at.Every >= FreezeMonthly {
		data[2] = bcd(at.Day)
	}
	return Frame{Address: a, Control: Control(FuncFreeze), Data: data}
}

// BaudRequest changes the rate of a meter's port (17H; 0CH in the edition of
// 1997, weakly attested). The answer still comes at the old rate. A rate that
// the edition has no word for is an error.
func BaudRequest(a Address, p Protocol, baud int) (Frame, error) {
	z, ok := BaudWord(baud)
	if !ok {
		return Frame{}, fmt.Errorf("dlt645: there is no word for %d baud", baud)
	}
	return Frame{Address: a, Control: function(p, FuncBaud, Func97Baud), Data: []byte{z}}, nil
}

// baudWords are the rates that the bits of the characteristic word Z name,
// from bit 1.
var baudWords = [6]int{600, 1200, 2400, 4800, 9600, 19200}

// BaudWord gives the characteristic word Z of a rate, false if it has none.
func BaudWord(baud int) (byte, bool) {
	for i, b := range baudWords {
		if b == baud {
			return 2 << i, true
		}
	}
	return 0, false
}

// BaudOfWord gives the rate of a characteristic word Z, false unless exactly
// one bit is set that names one.
func BaudOfWord(z byte) (int, bool) {
	for i, b := range baudWords {
		if z == 2<<i {
			return b, true
		}
	}
	return 0, false
}

// PasswordRequest changes a password (18H, clause 7.1.10; 0FH in the edition
// of 1997, weakly attested, without an identifier). The identifier of 2007 is
// 04000C01 and up, a level each.
func PasswordRequest(a Address, di DI, old, to Password) Frame {
	var data []byte
	if di.Protocol == V2007 {
		data, _ = di.AppendBinary(nil)
	}
	data = append(append(data, old[:]...), to[:]...)
	return Frame{Address: a, Control: function(di.Protocol, FuncPassword, Func97Password), Data: data}
}

// DemandResetRequest sets the maximum demands to zero (19H, clause 7.1.11; 10H
// in the edition of 1997, weakly attested, without operator).
func DemandResetRequest(a Address, p Protocol, by Access) Frame {
	data := append([]byte(nil), by.Password[:]...)
	if p == V2007 {
		data = append(data, by.Operator[:]...)
	}
	return Frame{Address: a, Control: function(p, FuncDemandReset, Func97DemandReset), Data: data}
}

// MeterClearRequest sets all registers of a meter to zero (1AH, clause
// 7.1.12).
func MeterClearRequest(a Address, by Access) Frame {
	data := append(append([]byte(nil), by.Password[:]...), by.Operator[:]...)
	return Frame{Address: a, Control: Control(FuncMeterClear), Data: data}
}

// AllEvents, given to EventClearRequest, stands for every event record.
var AllEvents = DI{V2007, 0xFFFFFFFF}

// EventClearRequest clears event records (1BH, clause 7.1.13): those of one
// family with FF as DI0, or AllEvents.
func EventClearRequest(a Address, by Access, di DI) Frame {
	data := append(append([]byte(nil), by.Password[:]...), by.Operator[:]...)
	data, _ = di.AppendBinary(data)
	return Frame{Address: a, Control: Control(FuncEventClear), Data: data}
}

// Command is N1 of a control request.
type Command byte

// Commands of 1CH (clause 7.1.14). Vendors differ, so a meter's own may be
// configured.
const (
	CommandTrip          Command = 0x1A // open the relay
	CommandPermit        Command = 0x1B // permit closing: the customer presses the button
	CommandClose         Command = 0x1C // close the relay directly
	CommandTripFor       Command = 0x1D // trip and restore by itself; later addition
	CommandTripForDirect Command = 0x1E // the same, closing directly; later addition
	CommandAlarm         Command = 0x2A
	CommandAlarmOff      Command = 0x2B
	CommandProtect       Command = 0x3A // power protection: no trip whatever the account says
	CommandProtectOff    Command = 0x3B
)

// Text names a command in both languages.
func (c Command) Text() Text { return c.words().text() }

func (c Command) words() words {
	if w, ok := commandNames[c]; ok {
		return w
	}
	return "unknown command"
}

var commandNames = map[Command]words{
	CommandTrip: "trip", CommandPermit: "permit closing", CommandClose: "close~directly",
	CommandTripFor: "trip for a time", CommandTripForDirect: "trip for a time",
	CommandAlarm: "alarm", CommandAlarmOff: "alarm off",
	CommandProtect: "power protection", CommandProtectOff: "power protection off",
}

// ControlRequest commands a meter's relay, alarm or protection (1CH, clause
// 7.1.14) in plain text. The meter refuses a deadline that its own clock has
// passed, so take it from that clock.
func ControlRequest(a Address, by Access, c Command, deadline time.Time) Frame {
	data := append(append([]byte(nil), by.Password[:]...), by.Operator[:]...)
	return Frame{Address: a, Control: Control(FuncControl), Data: appendTime(append(data, byte(c), 0), deadline)}
}

// Output is what the multi-function terminal puts out.
type Output byte

// The outputs of 1DH.
const (
	OutputClock  Output = 0 // seconds of the clock
	OutputDemand Output = 1 // demand period
	OutputTariff Output = 2 // tariff switch
)

// Text names an output in both languages.
func (o Output) Text() Text { return o.words().text() }

func (o Output) words() words {
	names := [...]words{"clock pulse", "demand period", "tariff switch"}
	if int(o) < len(names) {
		return names[o]
	}
	return "unknown output"
}

// OutputRequest selects what the multi-function terminal puts out (1DH,
// clause 7.1.15).
func OutputRequest(a Address, o Output) Frame {
	return Frame{Address: a, Control: Control(FuncOutput), Data: []byte{byte(o)}}
}

// commandWords are what people type for the commands of 1CH.
var commandWords = []struct {
	word    string
	command Command
}{
	{"trip", CommandTrip}, {"permit", CommandPermit}, {"close", CommandClose}, {"alarm", CommandAlarm}, {"alarm-off", CommandAlarmOff},
	{"protect", CommandProtect}, {"protect-off", CommandProtectOff},
}

// ParseCommand gives the command of 1CH that a word means: "trip", "permit",
// "close", "alarm", "alarm-off", "protect" or "protect-off".
func ParseCommand(word string) (Command, bool) {
	for _, w := range commandWords {
		if w.word == word {
			return w.command, true
		}
	}
	return 0, false
}

// CommandWords lists the words that ParseCommand knows.
func CommandWords() []string {
	var words []string
	for _, w := range commandWords {
		words = append(words, w.word)
	}
	return words
}
