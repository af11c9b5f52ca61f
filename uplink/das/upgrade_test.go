package das

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"meterd/uplink"
	"meterd/uplink/uplinktest"
)

// taker takes packages, and is as far as a test says.
type taker struct {
	took   []uplink.Package
	at     uplink.Progress
	resume string
}

func (t *taker) Take(p uplink.Package) {
	t.took = append(t.took, p)
	t.at = uplink.Progress{Job: p.Job, Version: p.Version, Stage: uplink.Fetching}
}
func (t *taker) Progress() uplink.Progress { return t.at }
func (t *taker) Ring()                     {}
func (t *taker) Resume() string            { return t.resume }

const code = "yCPTqgr0EwH9GugsUCjo"

// upgradable is a platform with packages, connected.
func upgradable(t *testing.T) (*DAS, *taker, *uplinktest.DAS, time.Time) {
	tk := &taker{}
	p, sim, now := platform(func(c *Config) { c.Version, c.Upgrades = "1.4.0", tk }), simulated(), time.UnixMilli(1700000600000)
	asks(t, p, sim, now)
	return p, tk, sim, now
}

// say sends all that the platform has to say at present.
func say(p *DAS, sim *uplinktest.DAS, now time.Time) {
	for range 20 {
		m, ok, _ := p.Ask(now)
		if !ok {
			return
		}
		for _, out := range sim.Receive(m.Topic, m.Payload, now) {
			p.Receive(now, uplink.Inbound{Topic: out.Topic, Payload: out.Payload})
		}
	}
}

// TestAPackageIsTakenAndTold: each stage once, the download in tens, and that it
// runs again after each connect for a day.
func TestAPackageIsTakenAndTold(t *testing.T) {
	p, tk, sim, now := upgradable(t)
	out := sim.PushFile(code, "1.5.0", "meterd-1.5.0-armv7.update", "https://das.example/x", []byte("file"))
	p.Receive(now, uplink.Inbound{Topic: out.Topic, Payload: out.Payload})
	if len(tk.took) != 1 || tk.took[0].Job != code || tk.took[0].Size != 4 || len(tk.took[0].Digest) != 32 || tk.took[0].URL != "https://das.example/x" {
		t.Fatalf("took %+v", tk.took)
	}
	for _, percent := range []int{0, 3, 12, 12, 55, 97} {
		tk.at.Percent = percent
		say(p, sim, now)
	}
	if _, _, again := p.Ask(now); !again.Equal(now.Add(upgradeLooked)) {
		t.Errorf("looked again at %v", again)
	}
	tk.at.Stage, tk.at.Percent = uplink.Installing, 100
	say(p, sim, now)
	say(p, sim, now)

	// The next program: it connects on trial, and proves itself.
	next := &taker{at: uplink.Progress{Job: code, Version: "1.5.0", Stage: uplink.OnTrial, At: now}}
	p = platform(func(c *Config) { c.Version, c.Upgrades = "1.5.0", next })
	asks(t, p, sim, now)
	say(p, sim, now)
	next.at.Stage = uplink.Installed
	say(p, sim, now)
	p.Login(now)
	say(p, sim, now)
	p.Login(now)
	say(p, sim, now.Add(25*time.Hour))
	want := "download 0,download 10,download 50,download 90,download 100,upgrade 0,upgrade 50,runs 1.5.0,runs 1.5.0"
	if got := strings.ReplaceAll(strings.Join(sim.Upgrades(), ","), code+" ", ""); got != want {
		t.Errorf("told %s, want %s", got, want)
	}
	if v := sim.Seen().Violations; len(v) > 0 {
		t.Errorf("violations: %v", v)
	}
}

// TestAPackageFails in each way, by the one value that the document has for it.
func TestAPackageFails(t *testing.T) {
	for _, tc := range []struct {
		at   uplink.Progress
		want string
	}{
		{uplink.Progress{Stage: uplink.Failed, Failure: uplink.NotTaken, Text: "another board's"}, "download -1"},
		{uplink.Progress{Stage: uplink.Failed, Failure: uplink.NoRoom, Text: "no room"}, "download -1"},
		{uplink.Progress{Stage: uplink.Failed, Failure: uplink.TakenBack, Text: "no meter answered"}, "upgrade -1"},
	} {
		p, tk, sim, now := upgradable(t)
		sim.PushFile(code, "1.5.0", "x.update", "https://das.example/x", []byte("file"))
		tc.at.Job, tc.at.At = code, now
		tk.at = tc.at
		say(p, sim, now)
		p.Login(now)
		say(p, sim, now)
		if got := fmt.Sprint(sim.Upgrades()); got != "["+code+" "+tc.want+"]" || len(sim.Seen().Violations) > 0 {
			t.Errorf("%+v: told %s, %v", tc.at, got, sim.Seen().Violations)
		}
	}
}

// TestAPackageThatIsNone is refused at once, and nothing is fetched.
func TestAPackageThatIsNone(t *testing.T) {
	good := `{"version":"2","upgradePackageCode":"c","signMethod":"MD5","files":[{"fileName":"m.update","fileSize":"5","fileVerification":"00112233445566778899aabbccddeeff","fileUrl":"https://x/y"}]}`
	for name, change := range map[string][2]string{
		"two files":           {`}]`, `},{"fileName":"n.update"}]`},
		"no file":             {`{"fileName":"m.update","fileSize":"5","fileVerification":"00112233445566778899aabbccddeeff","fileUrl":"https://x/y"}`, ``},
		"another kind of it":  {`m.update`, `m.tar.gz`},
		"no size":             {`"5"`, `""`},
		"a size below zero":   {`"5"`, `"-5"`},
		"another digest":      {`MD5`, `CRC32`},
		"a digest too short":  {`00112233`, `0011`},
		"a digest of letters": {`00112233`, `zz112233`},
		"a file of the board": {`https://x/y`, `file:///etc/passwd`},
		"no address":          {`https://x/y`, ``},
	} {
		p, tk, _, now := upgradable(t)
		rc := p.Receive(now, uplink.Inbound{Topic: "sys/pk/device/" + topicUpgrade, Payload: []byte(`{"data":` + strings.Replace(good, change[0], change[1], 1) + `}`)})
		if rc.Reply == nil || !strings.Contains(string(rc.Reply.Payload), `"step":"-1"`) || !strings.HasSuffix(rc.Reply.Topic, topicDownload) || len(tk.took) > 0 {
			t.Errorf("%s: %+v, took %+v", name, rc.Reply, tk.took)
		}
	}
	p, tk, _, now := upgradable(t)
	for _, payload := range []string{`{"data":` + good + `}`, `{"data":` + strings.Replace(strings.Replace(good, "MD5", "SHA-256", 1), "eeff", "eeff00112233445566778899aabbccddeeff", 1) + `}`} {
		tk.at = uplink.Progress{}
		if rc := p.Receive(now, uplink.Inbound{Topic: "sys/pk/device/" + topicUpgrade, Payload: []byte(payload)}); rc.Reply != nil {
			t.Errorf("refused: %s", rc.Reply.Payload)
		}
	}
	tk.at.Stage = uplink.Fetching
	p.Receive(now, uplink.Inbound{Topic: "sys/pk/device/" + topicUpgrade, Payload: []byte(`{"data":` + good + `}`)}) // once more
	p.Receive(now, uplink.Inbound{Topic: "sys/pk/device/" + topicUpgrade, Payload: []byte(`{"data":` + good + `}`), Retained: true})
	for _, payload := range []string{`{}`, `{"data":{}}`, `{"data":5}`, `{"data":{"upgradePackageCode":""}}`} {
		if rc := p.Receive(now, uplink.Inbound{Topic: "sys/pk/device/" + topicUpgrade, Payload: []byte(payload)}); rc.Reply != nil {
			t.Errorf("%s is answered: %s", payload, rc.Reply.Payload)
		}
	}
	if len(tk.took) != 2 {
		t.Errorf("took %+v", tk.took)
	}
}

// TestAPackageIsAskedForAgain after the board had stopped while it came.
func TestAPackageIsAskedForAgain(t *testing.T) {
	tk := &taker{resume: code}
	p, sim, now := platform(func(c *Config) { c.Version, c.Upgrades = "1.4.0", tk }), simulated(), time.UnixMilli(1700000600000)
	sim.PushFile(code, "1.5.0", "x.update", "https://das.example/x", []byte("file"))
	p.Login(now)
	say(p, sim, now)
	if len(tk.took) != 1 || tk.took[0].Job != code || len(sim.Seen().Violations) > 0 {
		t.Errorf("took %+v, %v", tk.took, sim.Seen().Violations)
	}
}
