package uplinktest

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// model is a thing model that a simulated platform has imported. It refuses
// what that does not define.
type model struct {
	properties map[string]modelType
	events     map[string][]string // their members
}

// modelType is the data type of a property.
type modelType struct {
	Type  string          `json:"type"`
	Specs json.RawMessage `json:"specs"`

	low, high *big.Rat
	length    int
}

var (
	modelName  = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,49}$`)
	errNoModel = errors.New("no thing model")
)

// check reads the specs of a type; numbers are those that may be, with strings
// of at most longest characters.
func (t *modelType) check(numbers []string, longest int) error {
	switch {
	case slices.Contains(numbers, t.Type):
		var specs struct{ Min, Max, Step, Unit *string }
		if err := strict(t.Specs, &specs); err != nil || specs.Min == nil || specs.Max == nil || specs.Step == nil || specs.Unit == nil {
			return fmt.Errorf("specs of a number are min, max, step and unit, all texts: %s: %v", t.Specs, err)
		}
		var ok1, ok2 bool
		t.low, ok1 = new(big.Rat).SetString(*specs.Min)
		t.high, ok2 = new(big.Rat).SetString(*specs.Max)
		if !ok1 || !ok2 || t.low.Cmp(t.high) >= 0 || len(*specs.Unit) > 15 {
			return fmt.Errorf("range or unit %s", t.Specs)
		}
	case t.Type == "string":
		var specs struct{ Length int }
		if err := strict(t.Specs, &specs); err != nil || specs.Length < 1 || specs.Length > longest {
			return fmt.Errorf("specs of a text: %s: %v", t.Specs, err)
		}
		t.length = specs.Length
	default:
		return fmt.Errorf("type %q", t.Type)
	}
	return nil
}

// takes reports whether a value is of the type.
func (t modelType) takes(value string) bool {
	if t.Type == "string" {
		var s string
		return json.Unmarshal([]byte(value), &s) == nil && len(s) <= t.length
	}
	n, ok := new(big.Rat).SetString(value)
	return ok && !strings.HasPrefix(value, "\"") && n.Cmp(t.low) >= 0 && n.Cmp(t.high) <= 0
}

// takes reports whether a property is defined and takes the value; nil takes
// all.
func (m *model) takes(identifier, value string) bool {
	if m == nil {
		return true
	}
	t, ok := m.properties[identifier]
	return ok && t.takes(value)
}

// takesEvent reports whether an event is defined with the members of its value.
func (m *model) takesEvent(identifier, value string) bool {
	if m == nil {
		return true
	}
	members, ok := m.events[identifier]
	var have map[string]json.RawMessage
	if !ok || json.Unmarshal([]byte(value), &have) != nil {
		return false
	}
	for name := range have {
		if !slices.Contains(members, name) {
			return false
		}
	}
	return true
}

type modelMember struct {
	Identifier string          `json:"identifier"`
	Name       string          `json:"name"`
	DataType   json.RawMessage `json:"dataType"`
}

// names gives the identifiers of members, which must be of their form.
func names(members []modelMember) (all []string, err error) {
	for _, m := range members {
		if !modelName.MatchString(m.Identifier) || m.Name == "" || len(m.DataType) == 0 || slices.Contains(all, m.Identifier) {
			return nil, fmt.Errorf("member %+v", m)
		}
		all = append(all, m.Identifier)
	}
	return all, nil
}

type studioCommon struct {
	Identifier, Name, FunctionType, FunctionMode, Desc string
	Required                                           bool
}

func (c studioCommon) check(mode string, seen map[string]bool) error {
	if !modelName.MatchString(c.Identifier) || c.Name == "" || c.FunctionType != "u" || c.FunctionMode != mode || seen[mode+c.Identifier] {
		return fmt.Errorf("%s %+v", mode, c)
	}
	seen[mode+c.Identifier] = true
	return nil
}

// Import takes a thing model, as the console of OneNET Studio does.
func (p *Onenet) Import(file []byte) error {
	var in struct {
		Version    string
		Profile    struct{ IndustryID, SceneID, CategoryID, ProductID string }
		Properties []struct {
			studioCommon
			AccessMode string
			DataType   modelType
		}
		Events []struct {
			studioCommon
			EventType  string
			OutputData []modelMember
		}
		Services []struct {
			studioCommon
			CallType      string
			Input, Output []modelMember
		}
		Combs []json.RawMessage
	}
	if err := strict(file, &in); err != nil {
		return err
	}
	if n := len(in.Properties) + len(in.Events) + len(in.Services); n == 0 || n > 100 || in.Version != "1.0" || in.Profile.ProductID != p.ProductID || in.Profile.IndustryID == "" {
		return fmt.Errorf("%w: %d points, version %q, profile %+v", errNoModel, n, in.Version, in.Profile)
	}
	m, seen := &model{map[string]modelType{}, map[string][]string{}}, map[string]bool{}
	for _, one := range in.Properties {
		err := errors.Join(one.check("property", seen), one.DataType.check([]string{"int32", "int64", "float", "double"}, 255))
		if err != nil || one.AccessMode != "r" && one.AccessMode != "rw" {
			return fmt.Errorf("property %s, access %q: %w", one.Identifier, one.AccessMode, err)
		}
		m.properties[one.Identifier] = one.DataType
	}
	for _, one := range in.Events {
		members, err := names(one.OutputData)
		if err = errors.Join(err, one.check("event", seen)); err != nil || !slices.Contains([]string{"info", "alert", "error"}, one.EventType) {
			return fmt.Errorf("event %s of %q: %w", one.Identifier, one.EventType, err)
		}
		m.events[one.Identifier] = members
	}
	for _, one := range in.Services {
		_, err := names(append(one.Input, one.Output...))
		if err = errors.Join(err, one.check("service", seen)); err != nil || one.CallType != "a" && one.CallType != "s" {
			return fmt.Errorf("service %s, %q: %w", one.Identifier, one.CallType, err)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.model = m
	return nil
}

// Import takes a thing model, by the page of DAS about it.
func (p *DAS) Import(file []byte) error {
	var in struct {
		Profile    struct{ ProductKey, Instance string }
		Properties []struct {
			Identifier, Name, AccessMode string
			Required                     bool
			DataType                     modelType
		}
		Events []struct {
			Identifier, Name, Desc, Type string
			Required                     bool
			OutputData                   []modelMember
		}
		Services []struct {
			Identifier, Name, Desc string
			Required               bool
			InputData, OutputData  []modelMember
		}
	}
	if err := strict(file, &in); err != nil {
		return err
	}
	if in.Profile.ProductKey == "" || len(in.Properties) == 0 {
		return fmt.Errorf("%w: product %q, %d properties", errNoModel, in.Profile.ProductKey, len(in.Properties))
	}
	m := &model{map[string]modelType{}, map[string][]string{}}
	for _, one := range in.Properties {
		if err := one.DataType.check([]string{"int", "float", "double"}, 10240); err != nil || !modelName.MatchString(one.Identifier) || one.Name == "" || one.AccessMode != "r" && one.AccessMode != "rw" {
			return fmt.Errorf("property %+v: %w", one, err)
		}
		m.properties[one.Identifier] = one.DataType
	}
	for _, one := range in.Events {
		members, err := names(one.OutputData)
		if err != nil || !modelName.MatchString(one.Identifier) || !slices.Contains([]string{"info", "alert", "error"}, one.Type) {
			return fmt.Errorf("event %s of %q: %w", one.Identifier, one.Type, err)
		}
		m.events[one.Identifier] = members
	}
	for _, one := range in.Services {
		if _, err := names(append(one.InputData, one.OutputData...)); err != nil || !modelName.MatchString(one.Identifier) {
			return fmt.Errorf("service %s: %w", one.Identifier, err)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.model = m
	return nil
}

// Define takes the data points that the product has, from the first column of
// a table with a line of heads, and after it those of a gateway's product.
func (p *Tuya) Define(table string) error {
	defined := map[bool]map[string]bool{false: {}}
	text, own, has := strings.Cut(strings.TrimSpace(table), "\n\n")
	add := func(gateway bool, lines []string) error {
		for _, line := range lines {
			id, _, _ := strings.Cut(line, " ")
			if _, err := strconv.Atoi(id); err != nil || defined[gateway][id] {
				return fmt.Errorf("data point %q", line)
			}
			defined[gateway][id] = true
		}
		return nil
	}
	err := add(false, strings.Split(text, "\n")[1:])
	if has && err == nil {
		defined[true] = map[string]bool{}
		head, lines, _ := strings.Cut(own, "\n")
		if head != "properties of "+p.GatewayProduct+":" {
			return fmt.Errorf("%q is not about product %q", head, p.GatewayProduct)
		}
		err = add(true, strings.Split(lines, "\n")[1:])
	}
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.defined = defined
	return nil
}

// iotkitModel holds what products define: by product and event, "" for
// properties, the members with their types.
type iotkitModel map[string]map[string]map[string]modelType

// takes reports whether a member is defined and takes the value; nil takes all.
func (m iotkitModel) takes(product, event, key, value string) bool {
	if m == nil {
		return true
	}
	t, ok := m[product][event][key]
	return ok && t.takes(value)
}

// Define takes what the products have, from the tables that are told to people:
// what is defined nowhere is dropped without a word, as the platform does.
func (p *Iotkit) Define(tables string) error {
	m := iotkitModel{}
	number := modelType{Type: "double", low: big.NewRat(0, 1), high: new(big.Rat).SetInt64(1 << 53)}
	text := modelType{Type: "string", length: 10240}
	for _, one := range strings.Split(strings.TrimSpace(tables), "\n\n") {
		lines := strings.Split(one, "\n")
		what, product, ok := strings.Cut(strings.TrimSuffix(lines[0], ":"), " of ")
		if _, known := p.Products[product]; !ok || !known || len(lines) < 3 {
			return fmt.Errorf("%w: %q", errNoModel, lines[0])
		}
		if m[product] == nil {
			m[product] = map[string]map[string]modelType{"": {}}
		}
		for _, line := range lines[2:] {
			cells := strings.Fields(line)
			id := cells[0]
			if !modelName.MatchString(id) {
				return fmt.Errorf("%s %q", what, line)
			}
			switch what {
			case "properties":
				if _, twice := m[product][""][id]; twice || len(cells) < 3 || cells[1] != "r" && cells[1] != "rw" {
					return fmt.Errorf("property %q", line)
				}
				t := number
				switch {
				case cells[2] == "text":
					t = text
				case cells[2] != "number":
					return fmt.Errorf("property %q", line)
				case len(cells) > 5 && cells[4] == "to":
					var low, high bool
					t.low, low = new(big.Rat).SetString(cells[3])
					t.high, high = new(big.Rat).SetString(cells[5])
					if !low || !high {
						return fmt.Errorf("range of %q", line)
					}
				}
				m[product][""][id] = t
			case "events":
				if _, twice := m[product][id]; twice {
					return fmt.Errorf("event %q", line)
				}
				m[product][id] = map[string]modelType{}
				for _, member := range cells[1:] {
					m[product][id][member] = text
				}
				m[product][id]["time"] = number
				if strings.HasSuffix(line, " and each property") {
					m[product][id] = maps.Clone(m[product][""])
					m[product][id]["time"] = number
				}
			case "services":
			default:
				return fmt.Errorf("%w: %q", errNoModel, lines[0])
			}
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.defined = m
	return nil
}
