package tool

import (
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"meterd/cmd/meterd/cli"
	"meterd/dlt645"
)

// Encode is the command "encode".
func Encode(f *flag.FlagSet, args []string, s cli.Streams) error {
	protocol := f.String("protocol", "2007", "2007 or 1997")
	preamble := f.Int("preamble", 0, "FE bytes in front")
	var e encoder
	f.StringVar(&e.password, "password", "", "PA P0 P1 P2, 8 hex digits in the order of the wire")
	f.StringVar(&e.operator, "operator", "00000000", "C0 C1 C2 C3, 8 hex digits in the order of the wire")
	if err := cli.Parse(f, args, 1, -1); err != nil {
		return err
	}
	p, err := dlt645.ParseProtocol(*protocol)
	if err != nil || *preamble < 0 || *preamble > 64 {
		return cli.Wrong(f, "-protocol is 2007 or 1997, -preamble 0 to 64")
	}
	e.protocol = p
	frame, err := e.request(f.Args())
	if err != nil {
		return cli.Wrong(f, "%v", err)
	}
	b, err := frame.AppendBinary(dlt645.AppendPreamble(nil, *preamble))
	if err != nil {
		return err
	}
	if frame.Overlong() {
		fmt.Fprintf(s.Err, "warning: %d bytes of data, and the standard allows %d in a write: the meter may refuse them\n", len(frame.Data), dlt645.MaxWriteData)
	}
	_, err = fmt.Fprintf(s.Out, "%X\n", b)
	return err
}

// encoder builds requests from words.
type encoder struct {
	protocol           dlt645.Protocol
	password, operator string
}

// form is a request that encode knows.
type form struct {
	usage    string // after its name
	least    int    // words
	most     int    // -1: any number
	editions string // "2007", "1997" or both
	build    func(*encoder, []string) (dlt645.Frame, error)
}

var requests = map[string]form{
	"read":         {"ADDRESS DI [COUNT [FROM]]", 2, 4, "2007 1997", (*encoder).read},
	"more":         {"ADDRESS DI [SEQ]", 2, 3, "2007 1997", (*encoder).more},
	"reread":       {"ADDRESS", 1, 1, "1997", (*encoder).reread},
	"address":      {"", 0, 0, "2007", (*encoder).address},
	"time":         {"TIME", 1, 1, "2007 1997", (*encoder).time},
	"write":        {"ADDRESS DI VALUE…", 3, -1, "2007 1997", (*encoder).write},
	"set-address":  {"ADDRESS", 1, 1, "2007 1997", (*encoder).setAddress},
	"authenticate": {"ADDRESS DI HEX", 3, 3, "2007", (*encoder).authenticate},
	"freeze":       {"ADDRESS now|hourly MM|daily HH:MM|monthly DD HH:MM", 2, 4, "2007", (*encoder).freeze},
	"baud":         {"ADDRESS BAUD", 2, 2, "2007 1997", (*encoder).baud},
	"set-password": {"ADDRESS DI NEW", 2, 3, "2007 1997", (*encoder).setPassword},
	"demand-reset": {"ADDRESS", 1, 1, "2007 1997", (*encoder).demandReset},
	"meter-clear":  {"ADDRESS", 1, 1, "2007", (*encoder).meterClear},
	"event-clear":  {"ADDRESS DI|all", 2, 2, "2007", (*encoder).eventClear},
	"control":      {"ADDRESS COMMAND|N1[:N2] DEADLINE", 3, 3, "2007", (*encoder).control},
	"output":       {"ADDRESS clock|demand|tariff", 2, 2, "2007", (*encoder).output},
}

// request builds the frame that the words ask for.
func (e *encoder) request(words []string) (dlt645.Frame, error) {
	name, args := words[0], words[1:]
	r, ok := requests[name]
	switch {
	case !ok:
		return dlt645.Frame{}, fmt.Errorf("%q is no request: want one of %s", name, strings.Join(slices.Sorted(maps.Keys(requests)), ", "))
	case len(args) < r.least || r.most >= 0 && len(args) > r.most:
		return dlt645.Frame{}, fmt.Errorf("want %s", strings.TrimSpace(name+" "+r.usage))
	case !strings.Contains(r.editions, e.protocol.String()):
		return dlt645.Frame{}, fmt.Errorf("%s is a function of %s alone", name, r.editions)
	}
	f, err := r.build(e, args)
	if errors.Is(err, errForm) {
		err = fmt.Errorf("want %s %s", name, r.usage)
	}
	return f, err
}

// errForm says that the words do not have the form that usage shows.
var errForm = errors.New("wrong form")

func (e *encoder) meter(s string) (dlt645.Address, error) { return dlt645.ParseAddress(s) }

// target reads the address and identifier that many requests begin with.
func (e *encoder) target(args []string) (dlt645.Address, dlt645.DI, error) {
	a, err := e.meter(args[0])
	if err != nil {
		return a, dlt645.DI{}, err
	}
	di, err := dlt645.ParseDI(args[1])
	if err == nil && di.Protocol != e.protocol {
		err = fmt.Errorf("data identifier %s is one of %s, want one of %s", di, di.Protocol, e.protocol)
	}
	return a, di, err
}

// four reads four bytes in hexadecimal.
func four(what, s string) (b [4]byte, err error) {
	raw, err := hex.DecodeString(s)
	if err != nil || len(raw) != 4 {
		return b, fmt.Errorf("%s %q is not 8 hexadecimal digits", what, s)
	}
	return [4]byte(raw), nil
}

func (e *encoder) access() (dlt645.Access, error) {
	if e.password == "" {
		return dlt645.Access{}, errors.New("this request carries a password: give it as -password")
	}
	p, err := four("password", e.password)
	if err != nil {
		return dlt645.Access{}, err
	}
	o, err := four("operator", e.operator)
	return dlt645.Access{Password: p, Operator: o}, err
}

func parseTime(s string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02 15:04"} {
		t, err := time.Parse(layout, s)
		if err != nil {
			continue
		}
		if t.Year() < 2000 || t.Year() > 2099 {
			return t, fmt.Errorf("time %q: a frame tells the years 2000 to 2099", s)
		}
		return t, nil
	}
	return time.Time{}, fmt.Errorf("time %q: write it like \"2026-11-20 10:15:00\"", s)
}

func (e *encoder) read(args []string) (dlt645.Frame, error) {
	a, di, err := e.target(args)
	if err != nil || len(args) == 2 {
		return dlt645.ReadRequest(a, di), err
	}
	n, err := strconv.ParseUint(args[2], 10, 8)
	if err != nil || n == 0 || di.Protocol != dlt645.V2007 || di.Code>>24 != 0x06 {
		return dlt645.Frame{}, fmt.Errorf("count %q: load records (06xxxxxx of 2007) are counted, 1 to 255", args[2])
	}
	if given := di.Code&0xFF == 1; given != (len(args) == 4) {
		return dlt645.Frame{}, errors.New("load records from a given time, DI0 = 01, take that time, and no others do")
	}
	var from time.Time
	if len(args) == 4 {
		if from, err = parseTime(args[3]); err != nil {
			return dlt645.Frame{}, err
		}
	}
	return dlt645.LoadRequest(a, di, byte(n), from), nil
}

func (e *encoder) more(args []string) (dlt645.Frame, error) {
	a, di, err := e.target(args)
	if err != nil {
		return dlt645.Frame{}, err
	}
	seq := uint64(1)
	if len(args) == 3 {
		if e.protocol == dlt645.V1997 {
			return dlt645.Frame{}, errors.New("the edition of 1997 has no sequence number")
		}
		if seq, err = strconv.ParseUint(args[2], 10, 8); err != nil || seq == 0 {
			return dlt645.Frame{}, fmt.Errorf("sequence number %q: want 1 to 255", args[2])
		}
	}
	return dlt645.ReadMoreRequest(a, di, byte(seq)), nil
}

func (e *encoder) reread(args []string) (dlt645.Frame, error) {
	a, err := e.meter(args[0])
	return dlt645.RereadRequest(a), err
}

func (e *encoder) address([]string) (dlt645.Frame, error) { return dlt645.AddressRequest(), nil }

func (e *encoder) time(args []string) (dlt645.Frame, error) {
	t, err := parseTime(args[0])
	return dlt645.TimeBroadcast(t), err
}

func (e *encoder) write(args []string) (dlt645.Frame, error) {
	a, di, err := e.target(args)
	if err != nil {
		return dlt645.Frame{}, err
	}
	by, err := e.access()
	if err != nil {
		return dlt645.Frame{}, err
	}
	value, err := dlt645.AppendParsed(nil, di, args[2:])
	if errors.Is(err, dlt645.ErrUnknown) {
		if value, err = hex.DecodeString(strings.Join(args[2:], "")); err != nil {
			err = fmt.Errorf("%s is not in the table: write its bytes in hexadecimal, in the order of the wire", di)
		}
	}
	if err != nil {
		return dlt645.Frame{}, err
	}
	return dlt645.WriteRequest(a, di, by, value)
}

func (e *encoder) setAddress(args []string) (dlt645.Frame, error) {
	a, err := e.meter(args[0])
	if err == nil && !a.IsMeter() {
		err = fmt.Errorf("%s is no meter's address", a)
	}
	return dlt645.WriteAddressRequest(e.protocol, a), err
}

func (e *encoder) authenticate(args []string) (dlt645.Frame, error) {
	a, di, err := e.target(args)
	if err != nil {
		return dlt645.Frame{}, err
	}
	op, err := four("operator", e.operator)
	if err != nil {
		return dlt645.Frame{}, err
	}
	data, err := hex.DecodeString(args[2])
	return dlt645.AuthenticateRequest(a, di, op, data), err
}

func (e *encoder) freeze(args []string) (dlt645.Frame, error) {
	a, err := e.meter(args[0])
	if err != nil {
		return dlt645.Frame{}, err
	}
	layouts := map[string]struct {
		layout string
		every  dlt645.FreezeEvery
	}{"now": {"", dlt645.FreezeNow}, "hourly": {"04", dlt645.FreezeHourly}, "daily": {"15:04", dlt645.FreezeDaily}, "monthly": {"02 15:04", dlt645.FreezeMonthly}}
	l, ok := layouts[args[1]]
	t, err := time.Parse(l.layout, strings.Join(args[2:], " "))
	if !ok || err != nil {
		return dlt645.Frame{}, errForm
	}
	return dlt645.FreezeRequest(a, dlt645.Freeze{Every: l.every, Day: t.Day(), Hour: t.Hour(), Minute: t.Minute()}), nil
}

func (e *encoder) baud(args []string) (dlt645.Frame, error) {
	a, err := e.meter(args[0])
	if err != nil {
		return dlt645.Frame{}, err
	}
	n, err := strconv.Atoi(args[1])
	if err != nil {
		return dlt645.Frame{}, fmt.Errorf("%q is no rate", args[1])
	}
	return dlt645.BaudRequest(a, e.protocol, n)
}

func (e *encoder) setPassword(args []string) (dlt645.Frame, error) {
	a, err := e.meter(args[0])
	if err != nil {
		return dlt645.Frame{}, err
	}
	di := dlt645.DI{Protocol: e.protocol}
	if e.protocol == dlt645.V1997 && len(args) != 2 {
		return dlt645.Frame{}, errors.New("want set-password ADDRESS NEW: 1997 has no identifier here")
	}
	if e.protocol == dlt645.V2007 {
		if len(args) != 3 {
			return dlt645.Frame{}, errForm
		}
		if _, di, err = e.target(args); err != nil {
			return dlt645.Frame{}, err
		}
	}
	by, err := e.access()
	if err != nil {
		return dlt645.Frame{}, err
	}
	to, err := four("new password", args[len(args)-1])
	return dlt645.PasswordRequest(a, di, by.Password, to), err
}

// withAccess builds a request to a meter that carries the password.
func (e *encoder) withAccess(address string, build func(dlt645.Address, dlt645.Access) (dlt645.Frame, error)) (dlt645.Frame, error) {
	a, err := e.meter(address)
	if err != nil {
		return dlt645.Frame{}, err
	}
	by, err := e.access()
	if err != nil {
		return dlt645.Frame{}, err
	}
	return build(a, by)
}

func (e *encoder) demandReset(args []string) (dlt645.Frame, error) {
	return e.withAccess(args[0], func(a dlt645.Address, by dlt645.Access) (dlt645.Frame, error) {
		return dlt645.DemandResetRequest(a, e.protocol, by), nil
	})
}

func (e *encoder) meterClear(args []string) (dlt645.Frame, error) {
	return e.withAccess(args[0], func(a dlt645.Address, by dlt645.Access) (dlt645.Frame, error) {
		return dlt645.MeterClearRequest(a, by), nil
	})
}

func (e *encoder) eventClear(args []string) (dlt645.Frame, error) {
	return e.withAccess(args[0], func(a dlt645.Address, by dlt645.Access) (dlt645.Frame, error) {
		if args[1] == "all" {
			return dlt645.EventClearRequest(a, by, dlt645.AllEvents), nil
		}
		_, di, err := e.target(args)
		return dlt645.EventClearRequest(a, by, di), err
	})
}

func (e *encoder) control(args []string) (dlt645.Frame, error) {
	return e.withAccess(args[0], func(a dlt645.Address, by dlt645.Access) (dlt645.Frame, error) {
		c, ok := dlt645.ParseCommand(args[1])
		second := uint64(0)
		if !ok {
			n1, n2, two := strings.Cut(args[1], ":")
			n, err := strconv.ParseUint(n1, 16, 8)
			if two && err == nil {
				second, err = strconv.ParseUint(n2, 16, 8)
			}
			if err != nil {
				return dlt645.Frame{}, fmt.Errorf("command %q: want one of %s, or N1 in hexadecimal", args[1], strings.Join(dlt645.CommandWords(), ", "))
			}
			c = dlt645.Command(n)
		}
		t, err := parseTime(args[2])
		f := dlt645.ControlRequest(a, by, c, t)
		f.Data[9] = byte(second)
		return f, err
	})
}

func (e *encoder) output(args []string) (dlt645.Frame, error) {
	a, err := e.meter(args[0])
	if err != nil {
		return dlt645.Frame{}, err
	}
	o, ok := map[string]dlt645.Output{"clock": dlt645.OutputClock, "demand": dlt645.OutputDemand, "tariff": dlt645.OutputTariff}[args[1]]
	if !ok {
		return dlt645.Frame{}, errForm
	}
	return dlt645.OutputRequest(a, o), nil
}
