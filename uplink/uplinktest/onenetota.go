package uplinktest

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// OnenetOTA is OneNET's service of packages, over HTTP, as the document has it:
// paths, parameters, the order of steps. Faults are switched on.
type OnenetOTA struct {
	ProductID, Device, AccessKey string
	// TokenVersion is the only one that is taken; "": 2018-10-31.
	TokenVersion string
	// Old has answers in the words of the service of 2021.
	Old bool
	// Break ends each download after so many bytes; 0: none.
	Break int
	// Errno is told in the header Ota-Errno of each download.
	Errno int
	// NoRange has downloads come whole, whatever is asked for.
	NoRange bool

	mu         sync.Mutex
	tasks      []*onenetTask
	versions   []string
	violations []string
}

// onenetTask is a package for the device.
type onenetTask struct {
	id         int64
	target     string
	file       []byte
	difference bool
	steps      []int
	ended      bool
	upgrading  bool
}

// Add gives the device a task.
func (o *OnenetOTA) Add(id int64, target string, file []byte, difference bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tasks = append(o.tasks, &onenetTask{id: id, target: target, file: file, difference: difference})
}

// Steps gives what was told of a task.
func (o *OnenetOTA) Steps(id int64) []int {
	o.mu.Lock()
	defer o.mu.Unlock()
	if t := o.task(id); t != nil {
		return slices.Clone(t.steps)
	}
	return nil
}

// Versions gives those that were reported.
func (o *OnenetOTA) Versions() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.versions)
}

// Violations are what the document does not allow.
func (o *OnenetOTA) Violations() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.violations)
}

func (o *OnenetOTA) task(id int64) *onenetTask {
	for _, t := range o.tasks {
		if t.id == id {
			return t
		}
	}
	return nil
}

func (o *OnenetOTA) violate(format string, args ...any) {
	o.violations = append(o.violations, fmt.Sprintf(format, args...))
}

func (o *OnenetOTA) answer(w http.ResponseWriter, code int, msg string, data any) {
	a := map[string]any{"code": code, "msg": msg, "request_id": "r"}
	if o.Old {
		a = map[string]any{"errno": code, "error": msg}
	}
	if data != nil {
		a["data"] = data
	}
	json.NewEncoder(w).Encode(a)
}

var onenetVersion = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,20}$`)

// ServeHTTP takes a request of the device.
func (o *OnenetOTA) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	version := o.TokenVersion
	if version == "" {
		version = "2018-10-31"
	}
	if !checkToken(r.Header.Get("Authorization"), "products/"+o.ProductID+"/devices/"+o.Device, o.AccessKey, version) {
		o.answer(w, 10403, "auth failed", nil)
		return
	}
	path, ok := strings.CutPrefix(r.URL.Path, "/fuse-ota/"+o.ProductID+"/"+o.Device+"/")
	parts := strings.Split(path, "/")
	switch {
	case !ok:
		o.violate("%s %s", r.Method, r.URL)
		http.NotFound(w, r)
	case r.Method == http.MethodPost && path == "version":
		o.version(w, r)
	case r.Method == http.MethodGet && path == "check":
		o.check(w, r)
	case len(parts) == 2:
		id, _ := strconv.ParseInt(parts[0], 10, 64)
		t := o.task(id)
		switch {
		case t == nil:
			o.violate("%s %s: there is no such task", r.Method, r.URL)
			http.NotFound(w, r)
		case r.Method == http.MethodGet && parts[1] == "download":
			o.download(w, r, t)
		case r.Method == http.MethodPost && parts[1] == "status":
			o.status(w, r, t)
		default:
			o.violate("%s %s", r.Method, r.URL)
		}
	default:
		o.violate("%s %s", r.Method, r.URL)
	}
}

func body(r *http.Request, v any) error {
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	return strict(b, v)
}

func (o *OnenetOTA) version(w http.ResponseWriter, r *http.Request) {
	var v struct {
		S string `json:"s_version"`
		F string `json:"f_version"`
	}
	if err := body(r, &v); err != nil || !onenetVersion.MatchString(v.S) || !onenetVersion.MatchString(v.F) {
		o.violate("version: %v: %+v", err, v)
		o.answer(w, 12002, "parameter error", nil)
		return
	}
	o.versions = append(o.versions, v.S)
	for _, t := range o.tasks {
		t.ended = t.ended || t.target == v.S
	}
	o.answer(w, 0, "succ", nil)
}

func (o *OnenetOTA) check(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if q.Get("type") != "2" || !onenetVersion.MatchString(q.Get("version")) || len(q) != 2 {
		o.violate("check: %s", r.URL.RawQuery)
	}
	for _, t := range o.tasks {
		if !t.ended {
			sum := md5.Sum(t.file)
			kind := 1
			if t.difference {
				kind = 2
			}
			o.answer(w, 0, "succ", map[string]any{"target": t.target, "tid": t.id, "size": len(t.file), "md5": hex.EncodeToString(sum[:]), "status": 1, "type": kind})
			return
		}
	}
	o.answer(w, 12012, "not exist", nil)
}

func (o *OnenetOTA) download(w http.ResponseWriter, r *http.Request, t *onenetTask) {
	w.Header().Set("Ota-Errno", strconv.Itoa(o.Errno))
	switch {
	case t.ended:
		w.Header().Set("Ota-Errno", "5")
		return
	case o.Errno != 0:
		return
	}
	if o.Break > 0 {
		w = &brief{w, o.Break}
	}
	if o.NoRange {
		r.Header.Del("Range")
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(t.file))
}

// brief breaks a connection after so many bytes.
type brief struct {
	http.ResponseWriter
	left int
}

func (b *brief) Write(p []byte) (int, error) {
	if len(p) > b.left {
		b.ResponseWriter.Write(p[:b.left])
		b.ResponseWriter.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	b.left -= len(p)
	return b.ResponseWriter.Write(p)
}

// onenetResults are the steps beyond a download that the document has.
var onenetResults = []int{101, 102, 103, 104, 105, 106, 107, 201, 202, 203, 204, 205, 206, 207, 208}

func (o *OnenetOTA) status(w http.ResponseWriter, r *http.Request, t *onenetTask) {
	var s struct {
		Step *int `json:"step"`
	}
	if err := body(r, &s); err != nil || s.Step == nil || (*s.Step < 0 || *s.Step > 100) && !slices.Contains(onenetResults, *s.Step) {
		o.violate("status: %v", err)
		o.answer(w, 12002, "parameter error", nil)
		return
	}
	n := *s.Step
	last := -1
	if len(t.steps) > 0 {
		last = t.steps[len(t.steps)-1]
	}
	switch {
	case t.ended:
		o.answer(w, 12014, "wrong state", nil)
		return
	case n <= 100 && (t.upgrading || n < last):
		o.violate("status: step %d after %d", n, last)
	case n > 200 && !t.upgrading && n != 206 && n != 205:
		o.violate("status: result %d before the download was told whole", n)
	}
	t.upgrading = t.upgrading || n == 100 || n == 101
	t.ended = n >= 102
	t.steps = append(t.steps, n)
	o.answer(w, 0, "succ", nil)
}
