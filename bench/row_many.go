package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strconv"

	"github.com/oidcsso/oidcsso"
)

const (
	many            = 100_000 // connectors
	manyDomainsEach = 2
	changed         = 10_000 // changes, one at a time
	roundsOfMany    = 6      // each takes seconds
)

// manyRow is a Router that follows a store of many connectors.
func manyRow(p plan) ([]*section, error) {
	rows, configs, err := manyConnectors()
	if err != nil {
		return nil, err
	}
	load, err := loadOfMany(p, rows, configs)
	if err != nil {
		return nil, err
	}
	memory, err := memoryOfMany(configs)
	return []*section{load, memory}, err
}

// manyConnectors are Configs, and the rows of JSON from which they come.
func manyConnectors() (rows [][]byte, configs []oidcsso.Config, err error) {
	rows, configs = make([][]byte, many), make([]oidcsso.Config, many)
	for i := range rows {
		n := strconv.Itoa(i)
		rows[i] = []byte(`{"id":"c` + n + `","name":"Customer ` + n + `","issuer":"https://idp-` + n + `.example","client_id":"client-` + n +
			`","scopes":["groups"],"domains":["customer-` + n + `.example","*.customer-` + n + `.example"]}`)
		if err := decoded(rows[i], &configs[i]); err != nil {
			return nil, nil, err
		}
	}
	return rows, configs, nil
}

func decoded(row []byte, cfg *oidcsso.Config) error {
	*cfg = oidcsso.Config{}
	if err := json.Unmarshal(row, cfg); err != nil {
		return err
	}
	cfg.ClientSecret = oidcsso.NewSecret(clientSecret) // a store unseals it
	for i := range cfg.Domains {
		cfg.Domains[i].State = oidcsso.DomainAsserted
	}
	return nil
}

// loadOfMany is the first Sync of all connectors, and one of one connector beside them.
func loadOfMany(p plan, rows [][]byte, configs []oidcsso.Config) (*section, error) {
	into := func(load func(*oidcsso.Router) error) func() error {
		return func() error { return load(oidcsso.NewRouter(newOptions())) }
	}
	works := []work{
		repeated("decoding them from JSON", func() error {
			var cfg oidcsso.Config
			for _, row := range rows {
				if err := decoded(row, &cfg); err != nil {
					return err
				}
			}
			return nil
		}),
		repeated("Replace", into(func(r *oidcsso.Router) error { return r.Replace(configs) })),
		repeated("Sync", into(func(r *oidcsso.Router) error { return r.Sync(configs, nil) })),
	}
	loads, err := plan{min(p.rounds, roundsOfMany), p.slice}.measure(works)
	if err != nil {
		return nil, err
	}
	router := oidcsso.NewRouter(newOptions())
	if err := router.Sync(configs, nil); err != nil {
		return nil, err
	}
	at := 0
	next := func() oidcsso.Config { at++; return configs[at%many] }
	changes, err := p.measure([]work{
		repeated("a Put of one", func() error { return router.Put(next()) }),
		repeated("a Sync of one", func() error { return router.Sync([]oidcsso.Config{next()}, nil) }),
	})
	if err != nil {
		return nil, err
	}
	s := &section{
		title: "Many connectors",
		about: fmt.Sprintf("%d connectors with %d domains each, half of these wildcards: the first load, and the change of one of them. "+
			"Processor time includes the collector's.", many, manyDomainsEach),
		by: byCPU, header: []string{"", "time", "CPU", "CPU a connector", "x JSON", "x Replace, x Put"},
	}
	row := func(r, json, of *result, connectors float64) {
		cells := []string{r.name, duration(median(r.wall)), duration(median(r.cpu)), duration(median(r.cpu) / connectors), "", ""}
		if json != nil {
			cells[4] = fmt.Sprintf("%.2f", ratio(r.cpu, json.cpu))
		}
		if of != nil {
			cells[5] = fmt.Sprintf("%.2f", ratio(r.cpu, of.cpu))
		}
		s.rows = append(s.rows, cells)
	}
	row(&loads[0], nil, nil, many)
	row(&loads[1], &loads[0], nil, many)
	row(&loads[2], &loads[0], &loads[1], many)
	row(&changes[0], nil, nil, 1)
	row(&changes[1], nil, &changes[0], 1)
	s.atMost(1.1, loads, "Sync", "Replace")
	s.atMost(1.1, changes, "a Sync of one", "a Put of one")
	return s, nil
}

// memoryOfMany is what a Router keeps on the heap for each connector, and whether changes leave something behind.
func memoryOfMany(configs []oidcsso.Config) (*section, error) {
	before := heap()
	router := oidcsso.NewRouter(newOptions())
	if err := router.Sync(configs, nil); err != nil {
		return nil, err
	}
	loaded := heap() - before
	for i := range changed {
		cfg := configs[i*7919%many]
		cfg.Name = "Changed " + strconv.Itoa(i)
		if err := router.Sync([]oidcsso.Config{cfg}, nil); err != nil {
			return nil, err
		}
	}
	after := heap() - before
	runtime.KeepAlive(router)
	runtime.KeepAlive(configs)
	return &section{
		title: "Memory of many connectors",
		about: fmt.Sprintf("Bytes of heap for each connector in a Router of %d, with its %d domains; after one Sync, and after %d more of "+
			"one connector each. What discovery and keys add to a connector is in the table of memory above.", many, manyDomainsEach, changed),
		header: []string{"", "bytes a connector"},
		rows:   [][]string{{"loaded by one Sync", number(loaded / many)}, {fmt.Sprintf("after %d changes", changed), number(after / many)}},
		targets: []target{{fmt.Sprintf("memory after %d changes, to before", changed), 1.1, after / loaded, "times"},
			{"unused", 1000, loaded / many, "bytes"}},
	}, nil
}
