package config

import (
	"fmt"
	"net/url"
	"os"
	"regexp"
	"slices"
	"sort"
	"strings"
	"time"
	"unicode"

	"meterd/board"
	"meterd/dlt645"
	"meterd/meter"
	"meterd/store"
	"meterd/uplink/onenet"
)

// Config is a whole configuration, checked and with its defaults filled in.
type Config struct {
	File     string
	Gateway  Gateway
	Clock    Clock
	Store    Store
	Console  Console
	Board    Board
	USB      USB
	Network  Network
	Update   Update
	Buses    []Bus
	Meters   []Meter
	Profiles []Profile
	Points   *meter.Points // the standard's and the configuration's
	Uplinks  []Uplink
	Parts    []Part // files that were taken in, of one that was loaded
	// Blank tells that it names nothing to read and nobody to tell: what a board
	// runs until it is given a configuration of its own.
	Blank bool

	doc    *document
	named  []string                         // files that uplinks name
	beside func(path string) ([]byte, bool) // what files will hold, see ParseWith
}

// Named gives the paths of the certificates and keys that uplinks name.
func (c *Config) Named() []string { return c.named }

// BusLine gives the line of a bus in the file.
func (c *Config) BusLine(name string) int {
	for i, b := range c.Buses {
		if b.Name == name {
			return c.doc.line(fmt.Sprintf("bus[%d]", i))
		}
	}
	return 1
}

// Line gives the line of a key, such as "store.path", or of the nearest thing
// around it.
func (c *Config) Line(path string) int { return c.doc.line(path) }

// Gateway names the board.
type Gateway struct {
	ID       string
	Auto     bool // the board's own number is its id
	Zone     *time.Location
	Language string // "en" or "zh"
	Speaks   bool   // Language is given
	// CommandAge is how old a platform's command may be.
	CommandAge time.Duration
}

// Clock says when the system's clock is believed.
type Clock struct {
	Synced bool // only when the kernel says so
	Set    bool // meterd may set it when nothing else does
}

// Store is where the ring lives.
type Store struct {
	Path  string
	Size  int64 // bytes
	Flush time.Duration
	State string // a file for what is learned of the meters
}

// Board is the hardware that there is.
type Board struct {
	Watchdog string // a device; "": none
	LED      string // a name under /sys/class/leds; "": none
	// PowerFail is a pin that falls when the power does, "CHIP:LINE"; "": none.
	PowerFail string
}

// USB says what is taken from sticks.
type USB struct {
	Enable    bool
	PublicKey string // of minisign; "": no signature is asked for
	// SignedFor tells that a signature must name this board and a date (Signed);
	// else one that names neither is good for any board, for ever.
	SignedFor bool
}

// Update says which programs are taken.
type Update struct {
	// PublicKey is what they must be signed by; "": none is taken. It is that of
	// sticks unless there is another.
	PublicKey string
	From      string // the uplink whose platform may bring one; "": none may
	CA        string // a file of what an https server is trusted by; "": the system's
	Server    string // of onenet-studio, where packages are asked for
}

// Console is how the running daemon is reached.
type Console struct {
	Socket string
	PIN    string // asked before a command that changes anything; "": none
}

// Bus is a line.
type Bus struct {
	Name   string
	Port   string
	Parity string
	Timing meter.Timing
	Probe  time.Duration
	// RS485 is how the line is turned, see board.SerialConfig.
	RS485      string
	SyncClocks bool
	// HistoryShare is how much of the line filling holes may take, in percent.
	HistoryShare int
}

// Open opens the bus's serial port, or connects to its serial server.
func (b Bus) Open() (meter.Port, error) {
	return board.Open(board.SerialConfig{Path: b.Port, Baud: b.Timing.Baud, Parity: b.Parity, RS485: b.RS485})
}

// Meter is a meter on a line.
type Meter struct {
	*meter.Handle
	Profile string
}

// Profile says what is read how often.
type Profile struct {
	Name    string
	Groups  []meter.Group
	History []meter.History
}

// Load reads and checks a file. The configuration is usable if Failed says
// no of the problems.
func Load(path string) (*Config, []Problem) {
	a, err := LoadParts(path)
	if err != nil {
		return nil, []Problem{newProblem(path, 1, "is the path right?", "%v", err)}
	}
	c, problems := a.Parse(nothingBeside)
	if c != nil {
		c.Parts = a.Parts
	}
	return c, problems
}

func nothingBeside(string) ([]byte, bool) { return nil, false }

// Parse checks a text; file is what problems name.
func Parse(file, text string) (*Config, []Problem) {
	return ParseWith(file, text, nothingBeside)
}

// ParseWith checks a text that comes with files; beside gives what those will
// hold when it runs.
func ParseWith(file, text string, beside func(path string) ([]byte, bool)) (*Config, []Problem) {
	return parse(file, text, beside, nil, nil)
}

func parse(file, text string, beside func(path string) ([]byte, bool), origins []origin, left []int) (*Config, []Problem) {
	text = strings.TrimPrefix(text, "\ufeff") // Windows marks UTF-8 so
	doc := &document{file: file, origins: origins}
	values := doc.decodeAll(text)
	slips := doc.problems
	if values == nil && len(slips) > 0 {
		return nil, placed(origins, slips)
	}
	for _, n := range left {
		doc.leave(n)
	}
	root := &table{doc: doc, title: "the file", values: values}
	c := &Config{File: file, Points: &meter.Points{}, doc: doc, beside: beside}
	c.Blank = len(slips) == 0 && values["bus"] == nil && values["meter"] == nil && values["uplink"] == nil
	c.gateway(root)
	c.clock(root)
	c.store(root)
	c.console(root)
	c.board(root)
	c.usb(root)
	c.network(root)
	c.update(root)
	c.points(root)
	c.buses(root)
	c.profiles(root)
	c.meters(root)
	c.uplinks(root)
	c.updateFrom()
	root.finish()
	sort.SliceStable(doc.problems, func(i, j int) bool { return doc.problems[i].Line < doc.problems[j].Line })
	if doc.dropped { // whatever it was, this file does not run
		doc.problems = append(doc.problems, newProblem(file, doc.problems[len(doc.problems)-1].Line, "take these out first", "more mistakes of this kind follow"))
	}
	return c, placed(origins, doc.problems)
}

// Place tells of problems where they were written, which may be another file
// than that of the assembled text.
func (c *Config) Place(problems []Problem) []Problem { return placed(c.doc.origins, problems) }

func placed(origins []origin, problems []Problem) []Problem {
	for i, p := range problems {
		if p.Line >= 1 && p.Line <= len(origins) {
			problems[i].File, problems[i].Line = origins[p.Line-1].file, origins[p.Line-1].line
		}
	}
	return problems
}

// zoneMeant are words for a zone that are none. CST is America's Central Time
// to some and China's to others.
var zoneMeant = map[string]string{
	"utc+8": china, "utc+08": china, "utc+8:00": china, "utc+08:00": china, "utc8": china, "gmt+8": china, "gmt+08:00": china, "+8": china, "+08": china, "+08:00": china, "+0800": china, "cst": china, "cst-8": china, "bjt": china,
	"beijing": china, "peking": china, "asia/beijing": china, "shanghai": china, "china": china, "prc": china, "shenzhen": china, "guangzhou": china, "chinastandardtime": china, "北京": china, "北京时间": china, "上海": china, "中国": china, "东八区": china,
	"hongkong": "Asia/Hong_Kong", "香港": "Asia/Hong_Kong", "taipei": "Asia/Taipei", "urumqi": "Asia/Urumqi", "singapore": "Asia/Singapore",
}

const china = "Asia/Shanghai"

// autoID has a board called by its own number.
const autoID = "auto"

func (c *Config) gateway(root *table) {
	t := root.sub("gateway", "[gateway]")
	c.Gateway.ID = t.required("id")
	if c.Gateway.ID == autoID {
		c.Gateway.Auto, c.Gateway.ID = true, board.SerialNumber()
		if c.Gateway.ID == "" {
			c.Gateway.ID = "meterd"
			t.note("id", true, "give it a name", "[gateway]: id is \"auto\", and this board tells neither a serial number nor an address: it is %q", c.Gateway.ID)
		}
	}
	if strings.ContainsFunc(c.Gateway.ID, func(r rune) bool { return strings.ContainsRune("+#/", r) || unicode.IsSpace(r) || unicode.IsControl(r) }) {
		t.problem("id", "letters, digits, - and _ will do", "[gateway]: id %q holds a character that MQTT topics cannot", c.Gateway.ID)
	}
	name := t.str("timezone", "Asia/Shanghai")
	zone, err := board.Zone(name)
	if err != nil || name == "Local" || name == "" || zoneMeant[strings.ToLower(name)] != "" {
		hint := `write it like "Asia/Shanghai"`
		if meant := zoneMeant[strings.ToLower(strings.ReplaceAll(name, " ", ""))]; meant != "" {
			hint = fmt.Sprintf("do you mean %q?", meant)
		}
		t.problem("timezone", hint, "[gateway]: timezone %q is not known", name)
		zone = time.UTC
	}
	c.Gateway.Zone = zone
	c.Gateway.Language, c.Gateway.Speaks = c.language(t), t.has("language")
	c.Gateway.CommandAge = t.duration("command_age", 2*time.Minute, 10*time.Second, 24*time.Hour)
	t.finish()
}

// chineseMeant are words for Chinese that are not those of the configuration.
var chineseMeant = regexp.MustCompile(`(?i)^(zh|cn|ch|chinese|中)`)

// language reads the language, and what is meant where it is written otherwise: its
// reader is told so in that language.
func (c *Config) language(t *table) string {
	if s, _ := t.values["language"].(string); s != "zh" && chineseMeant.MatchString(s) {
		t.get("language")
		t.problem("language", fmt.Sprintf("do you mean %q?", "zh"), "%s: %s = %q is not known", t.title, "language", s)
		return "zh"
	}
	return t.oneOf("language", "en", "zh")
}

func (c *Config) clock(root *table) {
	t := root.sub("clock", "[clock]")
	c.Clock.Set = t.boolean("set", false)
	c.Clock.Synced = t.oneOf("trust", "sane", "synced") == "synced"
	t.finish()
}

func (c *Config) store(root *table) {
	t := root.sub("store", "[store]")
	c.Store.Path = t.required("path")
	if info, err := os.Stat(c.Store.Path); err == nil && info.IsDir() {
		t.problem("path", "name a file in it", "[store]: path %q is a directory", c.Store.Path)
	}
	switch path := c.Store.Path; {
	case strings.Contains(path, `\`):
		t.problem("path", `like "/data/readings.ring"`, "[store]: path %q is what Windows calls a path", path)
	case path != "" && path[0] != '/':
		t.note("path", true, `like "/data/readings.ring"`, "[store]: path %q does not begin with /: where it is depends on where meterd was started", path)
	}
	state := c.Store.Path + ".state"
	if info, err := os.Stat(c.Store.Path); err == nil && info.Mode()&os.ModeDevice != 0 {
		state = "/data/meterd.state"
	}
	c.Store.State = t.str("state", state)
	if c.Store.State == c.Store.Path {
		t.problem("state", "name another file", "[store]: state and path are one file")
	}
	c.Store.Size = t.size("size", 64<<20, store.MinSize)
	c.Store.Flush = t.duration("flush", 10*time.Second, 0, time.Hour)
	t.finish()
}

func (c *Config) console(root *table) {
	t := root.sub("console", "[console]")
	c.Console.Socket = t.str("socket", "/run/meterd.sock")
	if n := len(c.Console.Socket); n == 0 || n > mostSocket {
		t.problem("socket", "", "[console]: socket has %d characters, want 1 to %d", n, mostSocket)
	}
	c.Console.PIN = t.str("pin", "")
	t.finish()
}

// mostSocket is the longest path that a unix socket can have on Linux.
const mostSocket = 107

func (c *Config) board(root *table) {
	t := root.sub("board", "[board]")
	c.Board.Watchdog = t.str("watchdog", "")
	c.Board.LED = t.str("led", "")
	if strings.ContainsAny(c.Board.LED, "/\x00") {
		t.problem("led", "a name under /sys/class/leds", "[board]: led = %q is no name", c.Board.LED)
	}
	c.Board.PowerFail = t.str("power_fail", "")
	if c.Board.PowerFail != "" {
		if _, _, err := board.ParseGPIO(c.Board.PowerFail); err != nil {
			t.problem("power_fail", `like "gpiochip0:5"`, "[board]: power_fail: %v", err)
		}
	}
	t.finish()
}

func (c *Config) usb(root *table) {
	t := root.sub("usb", "[usb]")
	c.USB.Enable = t.boolean("enable", true)
	c.USB.PublicKey = t.str("public_key", "")
	if c.USB.PublicKey != "" {
		if err := board.CheckKey(c.USB.PublicKey); err != nil {
			t.problem("public_key", "the line that minisign -G prints, RW…", "[usb]: public_key: %v", err)
		}
	}
	c.USB.SignedFor = t.oneOf("signed_for", "any", "board") == "board"
	if c.USB.SignedFor && c.USB.PublicKey == "" {
		t.problem("signed_for", "give public_key, or leave signed_for out", "[usb]: signed_for asks for signatures, and there is no public_key to check them by")
	}
	t.finish()
}

// update is about programs. Where a stick needs no signature anybody could give
// the key that a program is checked by, so one of its own is refused there.
func (c *Config) update(root *table) {
	t := root.sub("update", "[update]")
	c.Update.PublicKey = t.str("public_key", c.USB.PublicKey)
	if c.Update.PublicKey != "" && c.Update.PublicKey != c.USB.PublicKey {
		if err := board.CheckKey(c.Update.PublicKey); err != nil {
			t.problem("public_key", "the line that minisign -G prints, RW…", "[update]: public_key: %v", err)
		}
		if c.USB.PublicKey == "" {
			t.problem("public_key", "give usb.public_key, too", "[update]: public_key without usb.public_key: any stick could change it")
		}
	}
	c.Update.From, c.Update.CA = t.str("from", ""), t.str("ca", "")
	if _, err := os.Stat(c.Update.CA); c.Update.CA != "" && err != nil {
		t.note("ca", true, "put it there before a program is to come", "[update]: ca: %v", err)
	}
	c.Update.Server = t.str("server", onenet.Packages)
	if u, err := url.Parse(c.Update.Server); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		t.problem("server", "", "[update]: server %q is no address of http or https", c.Update.Server)
	}
	if c.Update.From != "" && c.Update.PublicKey == "" {
		t.note("from", true, "set usb.public_key", "[update]: from without a key: whatever the platform brings is refused")
	}
	t.finish()
}

// bringers are the kinds of uplinks whose platforms have packages.
var bringers = []string{"das", "onenet-studio"}

// updateFrom holds update.from against the uplinks.
func (c *Config) updateFrom() {
	if c.Update.From == "" {
		return
	}
	problem := func(hint, format string, args ...any) {
		c.doc.problems = append(c.doc.problems, newProblem(c.File, c.doc.line("update.from"), hint, format, args...))
	}
	for _, u := range c.Uplinks {
		if u.Name != c.Update.From {
			continue
		}
		if u.Kind != "" && !slices.Contains(bringers, u.Kind) {
			problem("das and onenet-studio do", "[update]: from names %q, and a platform of kind %s brings no programs", u.Name, u.Kind)
		}
		return
	}
	problem("", "[update]: from = %q, and there is no such uplink", c.Update.From)
}

// points takes the vendor's own points in.
func (c *Config) points(root *table) {
	for _, t := range root.list("point", "[[point]]") {
		p := meter.Point{Name: t.required("name"), Unit: t.str("unit", "")}
		if s := t.required("di"); s != "" {
			di, err := dlt645.ParseDI(s)
			if err != nil {
				t.problem("di", `8 hexadecimal digits for 2007 ("02A30001"), 4 for 1997`, "%s: di = %q is no data identifier", t.title, s)
			}
			p.DI = di
		}
		p.Custom = &meter.Layout{
			Bytes:    int(t.integer("bytes", 4, 1, 8)),
			Decimals: uint8(t.integer("decimals", 0, 0, 8)),
			Signed:   t.boolean("signed", false),
		}
		if err := c.Points.Add(p); err != nil && p.Name != "" {
			t.problem("name", "give it another name", "%s: a point of this name exists already", t.title)
		}
		t.finish()
	}
}
