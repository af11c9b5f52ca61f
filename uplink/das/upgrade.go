package das

import (
	"encoding/hex"
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"time"

	"meterd/uplink"
)

// The platform can push a package of software. Its digest comes by the same
// channel as the package and proves nothing: what is installed is signed by who
// made it, and whoever takes the package (uplink.Upgrades) checks that. Where none is taken,
// which is the default, a push is refused in the one way that the document has,
// step "-1". The version is told at each connect.

// softwarePackage is the kind of package that this program is.
const softwarePackage = 2

// packageEnding is how the name of the one file of a package ends.
const packageEnding = ".update"

type deviceInfo struct {
	ProductID string `json:"productId"`
	DeviceID  string `json:"deviceId"`
}

// upgrade is the frame of these messages. They have no id, and no answer.
type upgrade struct {
	DeviceInfo deviceInfo `json:"deviceInfo"`
	Data       any        `json:"data"`
}

func (d *DAS) upgrade(name string, data any) uplink.Message {
	m := d.message(name, "", upgrade{deviceInfo{d.ProductID, d.DeviceID}, data})
	m.ID = ""
	return m
}

// inform tells what runs, and by which package it came.
type inform struct {
	Code        string `json:"upgradePackageCode,omitempty"`
	Version     string `json:"version"`
	PackageType int    `json:"packageType"`
}

// tellVersion is the report of what runs.
func (d *DAS) tellVersion() uplink.Message {
	return d.upgrade(topicInform, inform{Version: d.Version, PackageType: softwarePackage})
}

// step is how far a package is, in percent; "-1": it will not be.
func (d *DAS) step(topic, code string, step int, desc string) uplink.Message {
	return d.upgrade(topic, struct {
		Step string `json:"step"`
		Code string `json:"upgradePackageCode"`
		Desc string `json:"desc"`
	}{strconv.Itoa(step), code, desc})
}

// noUpgrade is why a package is refused.
const noUpgrade = "this board takes no package from the platform; it is upgraded by its own signed package"

// push is what the platform says of a package.
type push struct {
	Version string `json:"version"`
	Code    string `json:"upgradePackageCode"`
	Method  string `json:"signMethod"`
	Files   []struct {
		Name   string `json:"fileName"`
		Size   string `json:"fileSize"`
		Digest string `json:"fileVerification"`
		URL    string `json:"fileUrl"`
	} `json:"files"`
}

// pushed takes a package, or refuses it.
func (d *DAS) pushed(data json.RawMessage) uplink.Receipt {
	var in push
	if json.Unmarshal(data, &in) != nil || in.Code == "" || len(in.Code) > uplink.MostID {
		return uplink.Receipt{}
	}
	no := func(topic, why string) uplink.Receipt {
		m := d.step(topic, in.Code, -1, why)
		return uplink.Receipt{Reply: &m}
	}
	if d.Upgrades == nil {
		return no(topicProgress, noUpgrade)
	}
	p, why := in.pack()
	if why != "" {
		return no(topicDownload, why)
	}
	if at := d.Upgrades.Progress(); at.Job == p.Job && at.Stage != uplink.Failed { // the push comes once more
		d.said = said{again: d.said.again}
		return uplink.Receipt{}
	}
	d.said = said{again: d.said.again}
	d.Upgrades.Take(p)
	return uplink.Receipt{}
}

// pack gives the package of a push, or why it is none that could be taken.
func (in push) pack() (p uplink.Package, why string) {
	if len(in.Files) != 1 || !strings.HasSuffix(in.Files[0].Name, packageEnding) {
		return p, "a package for this board is one file, meterd-VERSION-BOARD" + packageEnding
	}
	f := in.Files[0]
	size, err := strconv.ParseInt(f.Size, 10, 64)
	if err != nil || size < 1 {
		return p, "fileSize is no number of bytes"
	}
	digits := map[string]int{"MD5": 32, "SHA256": 64}[strings.ToUpper(strings.ReplaceAll(in.Method, "-", ""))]
	if _, err := hex.DecodeString(f.Digest); err != nil || digits == 0 || len(f.Digest) != digits {
		return p, "fileVerification is no digest by signMethod"
	}
	if u, err := url.Parse(f.URL); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return p, "fileUrl is neither http nor https"
	}
	return uplink.Package{Job: in.Code, Version: in.Version, Size: size, Digest: f.Digest, URL: f.URL}, ""
}

// said is what the platform was told of a package.
type said struct {
	job     string
	stage   uplink.Stage
	percent int  // of the download; -1: none
	again   bool // the job of a board that had stopped was asked for, in this connection
	done    bool // that it runs, in this connection
}

const (
	// toldEvery is how much of a download is told at once, in percent.
	toldEvery = 10
	// upgradeLooked is how often it is seen how far a package is.
	upgradeLooked = 2 * time.Second
	// toldFor is how long it is told that a package runs, at each connect: nobody
	// answers. [?] No page says for how long.
	toldFor = 24 * time.Hour
)

// askUpgrade tells how far a package is. It gives when it is to be looked again,
// zero: when something else happens.
func (d *DAS) askUpgrade(now time.Time) (m uplink.Message, ok bool, again time.Time) {
	if d.Upgrades == nil {
		return m, false, time.Time{}
	}
	if !d.said.again {
		d.said.again = true
		if job := d.Upgrades.Resume(); job != "" {
			return d.upgrade(topicPackage, struct {
				Code string `json:"upgradePackageCode"`
			}{job}), true, now
		}
	}
	p := d.Upgrades.Progress()
	if p.Job == "" {
		return m, false, time.Time{}
	}
	if t := &d.said; t.job != p.Job {
		*t = said{job: p.Job, percent: -1, again: t.again}
	}
	if p.Stage != uplink.Installed && p.Stage != uplink.Failed {
		again = now.Add(upgradeLooked)
	}
	m, ok = d.tellUpgrade(now, p)
	if ok {
		again = now
	}
	return m, ok, again
}

// tellUpgrade gives the next thing to tell of a package.
func (d *DAS) tellUpgrade(now time.Time, p uplink.Progress) (m uplink.Message, ok bool) {
	t := &d.said
	percent := p.Percent / toldEvery * toldEvery
	switch {
	case p.Stage == uplink.Installing:
		percent = 100
	case p.Stage != uplink.Fetching:
		percent = t.percent // another program has told it
	}
	switch {
	case percent > t.percent:
		t.percent = percent
		return d.step(topicDownload, p.Job, percent, "downloading"), true
	case p.Stage == uplink.Installed:
		if t.done || now.Sub(p.At) > toldFor {
			return m, false
		}
		t.done = true
		return d.upgrade(topicInform, inform{p.Job, d.Version, softwarePackage}), true
	case p.Stage <= t.stage || p.Stage == uplink.Fetching:
		return m, false
	}
	t.stage = p.Stage
	switch {
	case p.Stage == uplink.Failed && now.Sub(p.At) > toldFor:
		return m, false
	case p.Stage == uplink.Failed && p.Failure == uplink.TakenBack:
		return d.step(topicProgress, p.Job, -1, p.Text), true
	case p.Stage == uplink.Failed:
		return d.step(topicDownload, p.Job, -1, p.Text), true
	case p.Stage == uplink.OnTrial:
		return d.step(topicProgress, p.Job, trialStep, "on trial"), true
	}
	return d.step(topicProgress, p.Job, 0, "installing"), true
}

// trialStep is told of a package that runs on trial.
const trialStep = 50
