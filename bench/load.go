package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// prefix is the path under which every proxy has the backend.
const prefix = "/api/predict/bench"

// loaded is what a load found.
type loaded struct {
	Requests int     `json:"requests"`
	Seconds  float64 `json:"seconds"`
	P50      float64 `json:"p50_us"`
	P99      float64 `json:"p99_us"`
}

// load sends requests one after the other over connections that stay open. It
// fails at the first answer that is not 200.
func load(args []string) error {
	f := flag.NewFlagSet("load", flag.ContinueOnError)
	address := f.String("address", "", "where to")
	connections := f.Int("connections", 1, "how many connections, each with one request at a time")
	body := f.Int("body", 1000, "bytes of a request's body")
	lasting := f.Duration("for", time.Second, "how long")
	if err := f.Parse(args); err != nil {
		return err
	}
	request := []byte(fmt.Sprintf("POST %s/v2/models/m/infer HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		prefix, *body, strings.Repeat("x", *body)))
	took := make([][]time.Duration, *connections)
	errs := make([]error, *connections)
	began := time.Now()
	var all sync.WaitGroup
	for i := range took {
		all.Go(func() { took[i], errs[i] = ask(*address, request, began.Add(*lasting)) })
	}
	all.Wait()
	r := loaded{Seconds: time.Since(began).Seconds()}
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	every := slices.Concat(took...)
	slices.Sort(every)
	r.Requests = len(every)
	if r.Requests == 0 {
		return fmt.Errorf("no request was answered within %s", *lasting)
	}
	r.P50, r.P99 = micros(every[len(every)/2]), micros(every[len(every)*99/100])
	return json.NewEncoder(os.Stdout).Encode(r)
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

func ask(address string, request []byte, until time.Time) (took []time.Duration, err error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	// One request at least, so that a busy machine yields a slow figure and not none.
	for sent := time.Now(); len(took) == 0 || sent.Before(until); {
		if _, err := conn.Write(request); err != nil {
			return nil, err
		}
		first, size, err := head(in)
		if err != nil {
			return nil, err
		}
		if !strings.Contains(first, " 200") {
			return nil, fmt.Errorf("answered %q", first)
		}
		if _, err := in.Discard(size); err != nil {
			return nil, err
		}
		now := time.Now()
		took = append(took, now.Sub(sent))
		sent = now
	}
	return took, nil
}
