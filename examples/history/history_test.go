package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/jackc/pgx/v5/pgxpool"

	"meterd/dlt645"
	"meterd/meter"
	"meterd/store"
	"meterd/uplink"
	"meterd/uplink/broker"
	"meterd/uplink/uplinktest"
)

// child makes a process of this test the program itself, which hangs between
// the first commit and its acknowledgement if hang names a file to write.
const child, hang = "HISTORY_CHILD", "HISTORY_HANG"

func TestMain(m *testing.M) {
	if at := os.Getenv(child); at != "" {
		part := strings.Split(at, "|")
		s := settings{brokers: part[0], clientID: "history", username: "history", password: secret, prefix: "meterd", database: part[1]}
		if file := os.Getenv(hang); file != "" {
			s.committed = func() {
				os.WriteFile(file, []byte("committed"), 0o600)
				select {}
			}
		}
		if err := run(context.Background(), s); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(1)
	}
	os.Exit(m.Run())
}

const (
	secret = "good for nothing else"
	base   = "meterd/gw0001"
)

var first = time.Date(2026, 7, 1, 0, 0, 0, 0, time.FixedZone("", 8*3600))

// mostWait ends a test that hangs: databases, brokers and a cluster of them start
// on a machine that does much else.
const mostWait = 3 * time.Minute

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(mostWait); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within %v: %s", mostWait, what)
		}
	}
}

// postgres starts Debian's PostgreSQL in a folder of its own, on a unix socket
// alone, and gives its connection string.
func postgres(t *testing.T) string {
	t.Helper()
	bin := ""
	for _, at := range []string{"/usr/lib/postgresql/*/bin/initdb", "/usr/local/bin/initdb", "/usr/bin/initdb"} {
		if found, _ := filepath.Glob(at); len(found) > 0 {
			bin = filepath.Dir(slices.Max(found))
		}
	}
	if bin == "" {
		t.Skip("there is no PostgreSQL (make setup installs it)")
	}
	dir, err := os.MkdirTemp("", "history-") // short: a socket's path has 107 bytes at most
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	command := func(name string, args ...string) *exec.Cmd {
		c := exec.Command(filepath.Join(bin, name), args...)
		c.Dir = dir
		if os.Getuid() == 0 { // it refuses to run as root
			nobody, err := user.Lookup("nobody")
			if err != nil {
				t.Skip("there is nobody to run PostgreSQL as: ", err)
			}
			uid, _ := strconv.Atoi(nobody.Uid)
			gid, _ := strconv.Atoi(nobody.Gid)
			if err := os.Chown(dir, uid, gid); err != nil {
				t.Fatal(err)
			}
			c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
		}
		return c
	}
	data := filepath.Join(dir, "data")
	if out, err := command("initdb", "-D", data, "-U", "history", "-A", "trust", "-E", "UTF8", "--no-sync", "--no-instructions").CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	server := command("postgres", "-D", data, "-k", dir, "-c", "listen_addresses=", "-c", "fsync=off", "-c", "timezone=Asia/Shanghai", "-c", "log_min_messages=fatal")
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		server.Process.Signal(syscall.SIGQUIT)
		server.Wait()
	})
	return "host=" + dir + " user=history dbname=postgres"
}

// world is a broker, a database, and the program between them.
type world struct {
	t         *testing.T
	mosquitto *uplinktest.Mosquitto
	at        string
	db        *pgxpool.Pool
	client    mqtt.Client
	answers   chan string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, at: postgres(t), answers: make(chan string, 1000)}
	var err error
	if w.mosquitto, err = uplinktest.NewMosquitto(t.TempDir(), map[string]string{"history": secret, "gw0001": secret}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.mosquitto.Stop)
	if w.db, err = pgxpool.New(t.Context(), w.at); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.db.Close)
	until(t, "the database is there", func() bool { return w.db.Ping(t.Context()) == nil })
	w.client = mqtt.NewClient(mqtt.NewClientOptions().AddBroker("tcp://" + w.mosquitto.Addr()).SetClientID("test").SetUsername("gw0001").SetPassword(secret).SetAutoReconnect(false))
	w.done(w.client.Connect())
	t.Cleanup(func() { w.client.Disconnect(0) })
	w.done(w.client.Subscribe(base+"/ack", 1, func(_ mqtt.Client, m mqtt.Message) { w.answers <- string(m.Payload()) }))
	return w
}

func (w *world) done(tok mqtt.Token) {
	w.t.Helper()
	if !tok.WaitTimeout(mostWait) || tok.Error() != nil {
		w.t.Fatal("the broker does not: ", tok.Error())
	}
}

// start starts the program, which ends with the test; file has it hang.
func (w *world) start(file string) *exec.Cmd {
	w.t.Helper()
	online := make(chan bool, 10)
	w.done(w.client.Subscribe("meterd/consumer/status", 1, func(_ mqtt.Client, m mqtt.Message) {
		if string(m.Payload()) == "online" && !m.Retained() {
			online <- true
		}
	}))
	c := w.run("tcp://"+w.mosquitto.Addr(), file)
	select {
	case <-online:
	case <-time.After(mostWait):
		w.t.Fatal("the program is not there within ", mostWait)
	}
	return c
}

// run runs the program on brokers, and does not wait for it.
func (w *world) run(brokers, file string) *exec.Cmd {
	w.t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), child+"="+brokers+"|"+w.at, hang+"="+file)
	c.Stderr = os.Stderr
	if err := c.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { w.kill(c) })
	return c
}

func (w *world) kill(c *exec.Cmd) {
	c.Process.Kill()
	c.Wait()
}

func (w *world) publish(topic, payload string) {
	w.t.Helper()
	w.done(w.client.Publish(topic, 1, false, payload))
}

// readings publishes a message and waits for the answer to it.
func (w *world) readings(id, meter, rows string) string {
	w.t.Helper()
	w.publish(base+"/meter/"+meter+"/readings", fmt.Sprintf(`{"id":%q,"meter":%q,"name":"Unit 101","rows":[%s]}`, id, meter, rows))
	for {
		select {
		case a := <-w.answers:
			if strings.Contains(a, `"`+id+`"`) {
				return a
			}
		case <-time.After(mostWait):
			w.t.Fatal("no answer to ", id)
		}
	}
}

// one gives the text of a query's only value.
func (w *world) one(query string, args ...any) (s string) {
	w.t.Helper()
	if err := w.db.QueryRow(w.t.Context(), "SELECT ("+query+")::text", args...).Scan(&s); err != nil {
		w.t.Fatal(query, ": ", err)
	}
	return s
}

func (w *world) want(query, want string) {
	w.t.Helper()
	if got := w.one(query); got != want {
		w.t.Errorf("%s: got %s, want %s", query, got, want)
	}
}

func row(at time.Time, values string) string {
	return fmt.Sprintf(`{"ts":%d,"values":{%s}}`, at.UnixMilli(), values)
}

// TestWhatComes: twice, late, otherwise than before, and what nobody can read.
func TestWhatComes(t *testing.T) {
	w := newWorld(t)
	const meter = "202411200101"
	w.done(w.client.Publish(base+"/meter/"+meter+"/readings", 1, true, `{"id":"kept","meter":"202411200101","rows":[`+row(first, `"voltage_a":1`)+`]}`))
	w.start("")
	if got := w.readings("a-1-1", meter, row(first, `"voltage_a":230.10,"relay":"closed"`)); got != `{"ids":["a-1-1"]}` {
		t.Errorf("answer %s", got)
	}
	w.readings("a-1-1", meter, row(first, `"voltage_a":230.10,"relay":"closed"`))
	w.readings("a-2-1", meter, row(first, `"voltage_a":230.10`)+","+row(first.Add(15*time.Minute), `"voltage_a":231`))
	w.want("SELECT count(*) FROM reading", "3")
	w.want("SELECT string_agg(coalesce(number::text, word), ' ' ORDER BY at, point) FROM reading", "closed 230.10 231")
	w.want("SELECT string_agg(why, ' ') FROM dead_letter", "the broker had kept it")

	// A day that came months later has its place, and shows as late.
	var late []string
	for i := range 94 {
		late = append(late, row(first.AddDate(0, -3, 0).Add(time.Duration(i)*15*time.Minute), fmt.Sprintf(`"energy_forward_total":%d.5`, i)))
	}
	w.readings("a-3-1", meter, strings.Join(late, ","))
	w.want("SELECT filled || '/' || expected || ' ' || percent || ' % ' || late FROM completeness WHERE day = '2026-04-01'", "94/96 97.9 % 94")
	w.want("SELECT filled || '/' || expected FROM completeness WHERE day = '2026-07-01'", "2/96")
	if _, err := w.db.Exec(t.Context(), "INSERT INTO plan VALUES ($1, '6 hours')", meter); err != nil {
		t.Fatal(err)
	}
	w.want("SELECT filled || '/' || expected FROM completeness WHERE day = '2026-04-01'", "4/4")

	// Another value at the same place: the first stays, the second is told.
	w.readings("a-4-1", meter, row(first, `"voltage_a":999`))
	w.want("SELECT number FROM reading WHERE point = 'voltage_a' ORDER BY at LIMIT 1", "230.10")
	w.want("SELECT why FROM dead_letter ORDER BY last DESC LIMIT 1", "another value is there: 230.10")

	w.publish(base+"/meter/"+meter+"/event", fmt.Sprintf(`{"id":"a-5-1","meter":%q,"ts":%d,"event":"over-voltage.a","active":true}`, meter, first.UnixMilli()))
	w.publish(base+"/event", fmt.Sprintf(`{"id":"a-6-1","ts":%d,"event":"clock-set","by":"console","text":"by 3 s"}`, first.UnixMilli()))
	w.publish(base+"/event", fmt.Sprintf(`{"id":"a-6-1","ts":%d,"event":"clock-set","by":"console","text":"by 3 s"}`, first.UnixMilli()))

	// What is wrong stops nothing, and is answered where it has an id.
	for _, wrong := range []string{`{`, `[]`, `null`, "\x00\xff", `{"rows":[{"ts":1}]}`, strings.Repeat("[", 5000)} {
		w.publish(base+"/meter/"+meter+"/readings", wrong)
	}
	for id, rows := range map[string]string{
		"w-1": row(time.UnixMilli(5), `"voltage_a":1`), "w-2": row(first, `"voltage_a":1e999`), "w-3": row(first, `"voltage_a":{}`), "w-4": row(first, `"voltage_a":null`),
		"w-5": row(first, `"voltage_a":"a\u0000b"`), "w-6": row(first, `"":1`), "w-7": row(first, `"a\u0000":1`), "w-8": ``,
	} {
		if got := w.readings(id, meter, rows); !strings.Contains(got, `"error"`) {
			t.Errorf("%s is answered %s", id, got)
		}
	}
	w.readings("a-7-1", meter, row(first.Add(time.Hour), `"voltage_a":229`))
	w.want("SELECT count(*) FROM reading WHERE at >= '2026-06-30'", "4")
	w.want("SELECT string_agg(event, ' ' ORDER BY event) FROM event", "clock-set over-voltage.a")
	w.want("SELECT count(*) FROM dead_letter", "16")
	w.publish(base+"/meter/"+meter+"/readings", `{`)
	w.readings("a-8-1", meter, row(first.Add(2*time.Hour), `"voltage_a":228`))
	w.want("SELECT count(*) || ' ' || max(times) FROM dead_letter", "16 2")
}

// TestKilledBetweenCommitAndAnswer: the product delivers through mosquitto, and
// the program is killed when it has committed and has told nobody. What waits is
// answered by the next one, and each value is there once.
func TestKilledBetweenCommitAndAnswer(t *testing.T) {
	w := newWorld(t)
	file := filepath.Join(t.TempDir(), "hangs")
	hanging := w.start(file)
	const n = 300
	ring, up := deliver(t, n, "tcp://"+w.mosquitto.Addr())
	until(t, "the program has committed", func() bool { _, err := os.Stat(file); return err == nil })
	committed := w.one("SELECT count(*) FROM reading")
	if s := up.State(); s.Cursor == ring.Last() || s.Counts.Acked > 0 {
		t.Errorf("%d messages count as delivered that nobody has answered", s.Counts.Acked)
	}
	w.kill(hanging)
	w.start("")
	until(t, "all is delivered", func() bool { return up.State().Cursor == ring.Last() })
	w.want("SELECT count(*) || ' ' || count(DISTINCT at) || ' ' || sum(number) FROM reading", fmt.Sprintf("%d %d %d.0", n, n, n*(n+1)/2/10))
	w.want("SELECT count(*) FROM dead_letter", "0")
	t.Logf("%s of %d values were committed before the kill; %d messages sent again", committed, n, up.State().Counts.Resent)
}

// TestFromACluster: the product delivers to a list of three brokers, the program
// consumes from the same list, and is killed once in the middle.
func TestFromACluster(t *testing.T) {
	show := filepath.Join(t.TempDir(), "show")
	if out, err := exec.Command("go", "build", "-C", "../../uplink/cluster", "-o", show, "./show").CombinedOutput(); err != nil {
		t.Skipf("the cluster of brokers cannot be had: %s", out)
	}
	nodes := exec.Command(show, "-serve")
	hold, err := nodes.StdinPipe() // it ends with its input
	if err != nil {
		t.Fatal(err)
	}
	out, err := nodes.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := nodes.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		hold.Close()
		nodes.Wait()
	})
	brokers, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal("the cluster is not there: ", err)
	}
	brokers = strings.TrimSpace(brokers)
	w := &world{t: t, at: postgres(t)}
	if w.db, err = pgxpool.New(t.Context(), w.at); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.db.Close)
	until(t, "the database is there", func() bool { return w.db.Ping(t.Context()) == nil })
	const n = 300
	ring, up := deliver(t, n, strings.Split(brokers, ",")...)
	file := filepath.Join(t.TempDir(), "hangs")
	hanging := w.run(brokers, file)
	until(t, "the program has committed", func() bool { _, err := os.Stat(file); return err == nil })
	w.kill(hanging)
	w.run(brokers, "")
	until(t, "all is delivered", func() bool { return up.State().Cursor == ring.Last() })
	w.want("SELECT count(*) || ' ' || count(DISTINCT at) || ' ' || sum(number) FROM reading", fmt.Sprintf("%d %d %d.0", n, n, n*(n+1)/2/10))
	w.want("SELECT count(*) FROM dead_letter", "0")
}

// TestWhichErrorsPass: those of a connection are waited out, those of the data
// make a dead letter, and any other ends the program.
func TestWhichErrorsPass(t *testing.T) {
	w := newWorld(t)
	db, err := open(t.Context(), w.at)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for query, want := range map[string][2]bool{ // passes, of data
		"SELECT 1/0": {false, true},
		"INSERT INTO plan VALUES ('m', '2 days')": {false, true},
		"SELECT nothing": {false, false},
		"SELECT pg_terminate_backend(pg_backend_pid())": {true, false},
	} {
		_, err := db.Exec(t.Context(), query)
		if got := [2]bool{passes(err), ofData(err)}; err == nil || got != want {
			t.Errorf("%s: %v: got %v, want %v", query, err, got, want)
		}
	}
}

// TestBytesOfAValue is what SCALE.md calculates with: a day of 32 meters and 29
// points, in the order in which it comes.
func TestBytesOfAValue(t *testing.T) {
	w := newWorld(t)
	db, err := open(t.Context(), w.at)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var points []string
	for _, family := range []string{"power_active", "power_reactive", "power_apparent", "power_factor"} {
		points = append(points, family+"_total", family+"_a", family+"_b", family+"_c")
	}
	points = append(points, "voltage_a", "voltage_b", "voltage_c", "current_a", "current_b", "current_c", "frequency", "energy_forward_total", "energy_forward_t1", "energy_forward_t2", "energy_forward_t3", "energy_forward_t4", "energy_reverse_total")
	if _, err := db.Exec(t.Context(), `INSERT INTO reading (meter, point, at, number, gateway)
		SELECT (202411200100 + m)::text, p, slot + m * interval '1 s', (1000000 + extract(epoch FROM slot)::bigint % 1000000) / 100.0, 'board00001'
		FROM generate_series('2026-07-01'::timestamptz, '2026-07-01 23:45', '15 min') slot, generate_series(1, 32) m, unnest($1::text[]) p ORDER BY slot, m`, points); err != nil {
		t.Fatal(err)
	}
	w.want("SELECT count(*) FROM reading", fmt.Sprint(len(points)*32*96))
	got, _ := strconv.ParseFloat(w.one("SELECT pg_total_relation_size('reading')::numeric / count(*) FROM reading"), 64)
	paper, err := os.ReadFile("../../SCALE.md")
	if err != nil {
		t.Fatal(err)
	}
	var says float64
	if _, text, ok := strings.Cut(string(paper), "| `history-value` |"); ok {
		fmt.Sscan(text, &says)
	}
	if t.Logf("%d points, %.0f bytes a value", len(points), got); got < 0.9*says || got > 1.1*says {
		t.Errorf("a value takes %.0f bytes, SCALE.md says %.0f", got, says)
	}
}

// deliver runs the product's delivery of n readings with acknowledge = "reply".
func deliver(t *testing.T, n int, brokers ...string) (*store.Ring, *uplink.Uplink) {
	t.Helper()
	ring, err := store.Open(filepath.Join(t.TempDir(), "ring"), store.Options{Geometry: store.Geometry{Size: store.MinSize}, Flush: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ring.Close() })
	address := dlt645.Address{0x20, 0x24, 0x11, 0x20, 0x01, 0x01}
	for i := range n {
		r := meter.Reading{Meter: address, Time: first.Add(time.Duration(i) * time.Minute), Trusted: true, Values: []meter.PointValue{{Point: "voltage.a", Value: dlt645.Value{Kind: dlt645.Number, Dec: dlt645.Decimal{Coef: int64(i + 1), Scale: 1}}}}}
		b, err := r.AppendBinary(nil)
		if err == nil {
			_, err = ring.Append(b)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	dir, _ := uplink.NewDirectory(uplink.DirectoryConfig{Devices: []uplink.Device{{Meter: &meter.Handle{Name: "Unit 101", Address: address}, ID: address.String()}}})
	u, err := uplink.New(uplink.Config{
		Name: "own", Endpoint: uplink.Endpoint{URL: brokers[0], More: brokers[1:]}, Ring: ring, FromOldest: true, Timeout: 2 * time.Second, Meters: func() []meter.MeterState { return nil },
		Platform: broker.New(broker.Config{
			Gateway: "gw0001", ClientID: "gw0001", Username: "gw0001", Password: secret, Layout: broker.LayoutJSON, Prefix: "meterd", Acknowledge: broker.AcknowledgeReply, Directory: dir,
		}),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		u.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return ring, u
}
