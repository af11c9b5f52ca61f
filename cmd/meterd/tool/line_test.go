package tool

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"meterd/board"
	"meterd/cmd/meterd/cli"
	"meterd/cmd/meterd/linetest"
	"meterd/dlt645/dlt645test"
)

// times takes out what differs from run to run: how long answers took.
func times(text string) string {
	text = regexp.MustCompile(`"ms":[0-9.]+`).ReplaceAllString(text, `"ms":T`)
	return regexp.MustCompile(`answered in [0-9.]+ ms`).ReplaceAllString(text, `answered in T ms`)
}

const (
	voltageA = `{"address":"202411200101","di":"02010100","point":"voltage.a","name":"A-phase voltage","value":"220.1","unit":"V","ms":T}` + "\n"
	voltageB = `{"address":"202411200101","di":"02010200","point":"voltage.b","name":"B-phase voltage","value":"220.2","unit":"V","ms":T}` + "\n"
	voltageC = `{"address":"202411200101","di":"02010300","point":"voltage.c","name":"C-phase voltage","value":"220.3","unit":"V","ms":T}` + "\n"
)

func TestReadAsksTheMeterOnTheLine(t *testing.T) {
	old := dlt645test.NewMeter97([6]byte{0x20, 0x24, 0x11, 0x20, 0x01, 0x03}, 3)
	old.Set(0xB611, []byte{0x20, 0x02}) // voltage of phase A, whole volts
	port, _ := linetest.New(t, func(l *dlt645test.Line) { l.Meters = append(l.Meters, old) })
	other := func(text string) string { return strings.ReplaceAll(text, linetest.Whole, linetest.NoBlock) }
	for _, tt := range []struct {
		name   string
		words  string
		status int
		out    string
		told   string
	}{
		{"one data identifier", "-json 202411200101 02010100", 0, voltageA, ""},
		{"a block, each item under its own identifier", "-json 202411200101 0201FF00", 0, voltageA + voltageB + voltageC, ""},
		{"a family of points in one block", "-json 202411200101 voltage", 0, voltageA + voltageB + voltageC, ""},
		{"a family one by one where the meter refuses its block", "-json 202411200102 voltage", 0, other(voltageA + voltageB + voltageC), ""},
		{"a negative value with all its decimals", "202411200101 power.active.total", 0, "202411200101  02030000  total active power = -0.0123 kW\n", ""},
		{"a value that is absent", "202411200101 frequency", 0, "202411200101  02800002  frequency = no value\n", ""},
		{"a meter of 1997", "-protocol 1997 202411200103 B611", 0, "202411200103  B611  A-phase voltage = 220 V\n", ""},
		{"a line without parity", "-parity none 202411200101 voltage.a", 0, "202411200101  02010100  A-phase voltage = 220.1 V\n", ""},
		{"a refusal, which does not stop the next", "-json 202411200102 0201FF00 02010100", 1,
			`{"address":"202411200102","di":"0201FF00","error":{"kind":"refusal","code":"02","text":"no requested data"}}` + "\n" + other(voltageA), "error: 1 of 2 reads failed\n"},
		{"a refusal for people", "202411200101 02FF0000", 1, "202411200101  02FF0000  refusal: no requested data\n", "error: 1 of 1 reads failed\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := run(Read, "", append([]string{"-port", port, "-baud", "9600", "-timeout", "20s"}, words(tt.words)...)...)
			r.out = times(r.out)
			r.want(t, tt.status, tt.out, tt.told)
		})
	}
}

func TestReadTellsWhyNothingCame(t *testing.T) {
	port, _ := linetest.New(t, nil)
	r := run(Read, "", "-port", port, "-baud", "9600", "-retries", "0", "-timeout", "50ms", "-json", "202411200109", "02010100")
	if want := `{"address":"202411200109","di":"02010100","error":{"kind":"silence","text":"silence: no answer from 202411200109`; r.status != 1 || !strings.HasPrefix(r.out, want) {
		t.Errorf("nobody at the address: got exit status %d and %s, want %s", r.status, r.out, want)
	}
	none := filepath.Join(t.TempDir(), "none")
	r = run(Read, "", "-port", none, "-json", meter1, "02010100")
	if want := `"error":{"kind":"port","text":"`; r.status != 1 || !strings.Contains(r.out, want) || !strings.Contains(r.out, "no such file") {
		t.Errorf("no port: got exit status %d and %s, want %s", r.status, r.out, want)
	}
	held, err := board.Open(board.SerialConfig{Path: port, Baud: 9600, Parity: "even"})
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	r = run(Read, "", "-port", port, "-json", meter1, "02010100")
	if want := "if that is the daemon, ask it: meterd exec meter NAME"; r.status != 1 || !strings.Contains(r.out, want) {
		t.Errorf("the port is held: got exit status %d and %s, want %s", r.status, r.out, want)
	}
	r = run(Scan, "", "-port", port)
	if want := "hint: is the port there, and free? A daemon that holds it scans by: meterd exec scan BUS\n"; r.status != 1 || r.out != "" || !strings.HasSuffix(r.err, want) {
		t.Errorf("a scan of a held port: got exit status %d and %s, want %s", r.status, r.err, want)
	}
}

func TestReadSaysWhatIsWrongWithTheCommandLine(t *testing.T) {
	for _, tt := range []struct{ line, want string }{
		{"-port p " + meter1, "1 arguments are not what it takes"},
		{meter1 + " 02010100", "-port is required"},
		{"-port p 20241120010 02010100", "has 11 characters, want 12 digits"},
		{"-port p -baud 299 " + meter1 + " 02010100", "-baud is 300 to 115200, -preamble 0 to 16, -retries 0 to 10"},
		{"-port p -baud 115201 " + meter1 + " 02010100", "-baud is 300 to 115200"},
		{"-port p -preamble 17 " + meter1 + " 02010100", "-preamble 0 to 16"},
		{"-port p -retries 11 " + meter1 + " 02010100", "-retries 0 to 10"},
		{"-port p -timeout 49ms " + meter1 + " 02010100", "-timeout is 50ms at least, -byte-timeout 5ms, -gap 0s"},
		{"-port p -byte-timeout 4ms " + meter1 + " 02010100", "-byte-timeout 5ms"},
		{"-port p -gap -1ms " + meter1 + " 02010100", "-gap 0s"},
		{"-port p -parity mark " + meter1 + " 02010100", "-parity is one of "},
		{"-port p -protocol 2020 " + meter1 + " 02010100", "-protocol is 2007 or 1997"},
		{"-port p " + meter1 + " 9010", "data identifier 9010 is one of 1997, want one of 2007"},
		{"-port p " + meter1 + " voltag.a", `"voltag.a" is neither a data identifier (8 hexadecimal digits) nor a point`},
		{"-port p -protocol 1997 " + meter1 + " energy.combined.total", "the edition of 1997 has no energy.combined.total"},
	} {
		t.Run(tt.line, func(t *testing.T) { run(Read, "", words(tt.line)...).want(t, 2, "", tt.want) })
	}
}

// scanned searches the line until the meter is found, whose answers may take as
// long as they like; that every meter of a line is found is held in package meter,
// where time is not real.
func scanned(t *testing.T, more ...string) ran {
	t.Parallel()
	port, _ := linetest.New(t, func(l *dlt645test.Line) { l.Meters = l.Meters[:1] })
	r := run(Scan, "", append([]string{"-port", port, "-baud", "9600", "-timeout", "20s", "-stop", "1", "-protocol", "2007"}, more...)...)
	if r.status != 0 {
		t.Errorf("got exit status %d", r.status)
	}
	if want := regexp.MustCompile(`(?m)^2007, 9600 baud: 0 found, 0 % done, about 0s left$`); !want.MatchString(r.err) {
		t.Errorf("got on standard error %s, want the progress %s", r.err, want)
	}
	return r
}

// unplugging takes the line away once something is told.
type unplugging struct {
	strings.Builder
	line *dlt645test.Line
}

func (u *unplugging) Write(b []byte) (int, error) {
	u.line.Unplug(true)
	return u.Builder.Write(b)
}

// TestScanThatHasFoundAMeterEndsWell, although nobody answers any more.
func TestScanThatHasFoundAMeterEndsWell(t *testing.T) {
	t.Parallel()
	port, line := linetest.New(t, func(l *dlt645test.Line) { l.Meters = l.Meters[:1] })
	out, told := unplugging{line: line}, strings.Builder{}
	status := cli.Run("", []cli.Command{{Name: "it", Run: Scan}}, []string{"it", "-port", port, "-baud", "9600", "-timeout", "5s", "-json", "-protocol", "2007"},
		cli.Streams{Out: &out, Err: &told})
	if want := `{"address":"` + linetest.Whole + `","protocol":"2007","baud":9600,"ms":T}` + "\n"; status != 0 || times(out.String()) != want {
		t.Errorf("got exit status %d, %s and %s, want %s", status, &out, &told, want)
	}
}

// TestScanTellsWhatItFinds to scripts, spreadsheets and people.
func TestScanTellsWhatItFinds(t *testing.T) {
	t.Run("json", func(t *testing.T) {
		r := scanned(t, "-json")
		if want := `{"address":"` + linetest.Whole + `","protocol":"2007","baud":9600,"ms":T}` + "\n"; times(r.out) != want {
			t.Errorf("got %s, want %s", r.out, want)
		}
	})
	t.Run("csv", func(t *testing.T) {
		r := scanned(t, "-csv")
		if want := "name,address,bus,profile,protocol\nmeter 200101,202411200101,rs485-1,three-phase,2007\n"; r.out != want {
			t.Errorf("got %q, want %q", r.out, want)
		}
	})
	t.Run("text", func(t *testing.T) {
		r := scanned(t)
		if want := `[[meter]]
name     = "meter 200101"
bus      = "rs485-1"
address  = "202411200101"
protocol = "2007"
profile  = "three-phase"   # 9600 baud, answered in T ms

`; times(r.out) != want {
			t.Errorf("got\n%s\nwant what the configuration needs:\n%s", r.out, want)
		}
	})
}

func TestScanTellsThatNobodyAnswers(t *testing.T) {
	port, line := linetest.New(t, nil)
	line.Unplug(true)
	r := run(Scan, "", "-port", port, "-baud", "9600", "-timeout", "50ms", "-protocol", "1997")
	if want := "error: no meter answers at 9600 baud, even parity, in the editions of 1997\nhint: look at the wires (A and B swapped?), the power of the meters, and other rates and parities: -baud, -parity\n"; r.status != 1 || r.out != "" || !strings.HasSuffix(r.err, want) {
		t.Errorf("got exit status %d, %q and %q, want %q", r.status, r.out, r.err, want)
	}
}

func TestScanSaysWhatIsWrongWithTheCommandLine(t *testing.T) {
	for _, tt := range []struct{ line, want string }{
		{"-port p x", "1 arguments are not what it takes"},
		{"-baud 2400", "-port is required"},
		{"-port p -baud 2400,fast", `-baud "2400,fast": want rates from 300 to 115200, with commas`},
		{"-port p -baud 299", `-baud "299": want rates`},
		{"-port p -protocol 2020", "-protocol is 2007 or 1997"},
		{"-port p -timeout 49ms", "-timeout is 50ms to 1m, -gap and -stop 0 at least, -preamble 0 to 16"},
		{"-port p -timeout 61s", "-timeout is 50ms to 1m"},
		{"-port p -gap -1ms", "-gap and -stop 0 at least"},
		{"-port p -stop -1", "-gap and -stop 0 at least"},
		{"-port p -preamble 17", "-preamble 0 to 16"},
		{"-port p -parity mark", "-parity is one of "},
	} {
		t.Run(tt.line, func(t *testing.T) { run(Scan, "", words(tt.line)...).want(t, 2, "", tt.want) })
	}
}
