package onenet

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strconv"

	"meterd/meter"
	"meterd/uplink"
)

// mostFeatures is how many properties, events and services a thing model may
// have in all.
const mostFeatures = 100

// thingModel is the file that the console imports. Source: exports of the
// console.
type thingModel struct {
	Version    string            `json:"version"`
	Profile    map[string]string `json:"profile"`
	Properties []property        `json:"properties"`
	Events     []event           `json:"events"`
	Services   []service         `json:"services"`
	Combs      []any             `json:"combs"`
}

type common struct {
	Identifier   string `json:"identifier"`
	Name         string `json:"name"`
	FunctionType string `json:"functionType"` // u: the user's own
	FunctionMode string `json:"functionMode"`
	Desc         string `json:"desc"`
	Required     bool   `json:"required"`
}

type property struct {
	common
	AccessMode string   `json:"accessMode"` // r, rw
	DataType   dataType `json:"dataType"`
}

type dataType struct {
	Type  string `json:"type"`
	Specs any    `json:"specs"`
}

type numberSpecs struct {
	Min  string `json:"min"`
	Max  string `json:"max"`
	Step string `json:"step"`
	Unit string `json:"unit"`
}

type lengthSpecs struct {
	Length int `json:"length"`
}

type member struct {
	Identifier string   `json:"identifier"`
	Name       string   `json:"name"`
	DataType   dataType `json:"dataType"`
}

type event struct {
	common
	EventType  string   `json:"eventType"` // info, alert, error
	OutputData []member `json:"outputData"`
}

type service struct {
	common
	CallType string   `json:"callType"` // a: nobody waits five seconds for it
	Input    []member `json:"input"`
	Output   []member `json:"output"`
}

func text(length int) dataType { return dataType{"string", lengthSpecs{length}} }

// Model gives the thing model of the sub-devices' product, as the console of
// OneNET Studio imports it. Its profile names the categories of an example:
// where the product has others, those of its own export belong there.
func (s *Studio) ThingModel() ([]byte, error) {
	m := thingModel{
		Version: "1.0", Profile: map[string]string{"industryId": "1", "sceneId": "18", "categoryId": "93", "productId": s.SubProductID},
		Properties: []property{}, Events: []event{}, Services: []service{}, Combs: []any{},
	}
	of := func(identifier, name, mode string) common {
		return common{Identifier: identifier, Name: cmp.Or(name, identifier), FunctionType: "u", FunctionMode: mode}
	}
	for _, f := range s.dir.Features() {
		p := property{common: of(f.Key, f.Name.ZH, "property"), AccessMode: "r", DataType: text(uplink.MostText)}
		if f.Write {
			p.AccessMode = "rw"
		}
		if f.Number {
			p.DataType = dataType{"double", numberSpecs{f.Least.String(), f.Most.String(), f.Step.String(), f.Unit}}
		}
		m.Properties = append(m.Properties, p)
	}
	for _, kind := range s.dir.Events() {
		m.Events = append(m.Events, event{of(uplink.EventIdentifier(kind), kind, "event"), "info", []member{{"by", "by", text(uplink.MostText)}, {"text", "text", text(uplink.MostText)}}})
	}
	for _, o := range s.dir.Operations() {
		one := service{common: of(uplink.EventIdentifier(string(o)), string(o), "service"), CallType: "a", Input: []member{}, Output: []member{}}
		for _, in := range uplink.Inputs(o) {
			kind := text(uplink.MostText)
			if o == meter.OpRead {
				kind = dataType{"array", map[string]any{"length": 100, "type": "string", "specs": lengthSpecs{uplink.MostText}}}
			}
			one.Input = append(one.Input, member{in, in, kind})
		}
		m.Services = append(m.Services, one)
	}
	if n := len(m.Properties) + len(m.Events) + len(m.Services); n > mostFeatures {
		return nil, fmt.Errorf("a thing model holds %d properties, events and services at most, this one has %s: leave points out by [[uplink.map]] with to = \"\", or read fewer", mostFeatures, strconv.Itoa(n))
	}
	return json.MarshalIndent(m, "", "  ")
}
