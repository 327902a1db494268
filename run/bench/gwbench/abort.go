package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"sort"
	"time"
)

// abortMain opens a slow stream, hangs up after a few chunks and tells how long the upstream
// (the mock) takes to see its own connection closed.
func abortMain(args []string) {
	fs := flag.NewFlagSet("abort", flag.ExitOnError)
	var cf clientFlags
	cf.register(fs)
	mock := fs.String("mock", "127.0.0.1:9100", "mock address")
	n := fs.Int("n", 5, "times")
	after := fs.Int("after", 3, "chunks to read before hanging up")
	wait := fs.Duration("wait", 15*time.Second, "longest wait for the upstream to notice")
	fs.Parse(args)
	cf.stream = true
	t := cf.target()
	stats := func() (s mockStats) {
		b, err := mockCall(*mock, "/__mock/stats", nil)
		if err == nil {
			json.Unmarshal(b, &s)
		}
		return
	}
	var out []float64
	missed := 0
	for i := 0; i < *n; i++ {
		for j := 0; j < 600 && stats().Active > 0; j++ { // let streams of earlier tests end
			time.Sleep(50 * time.Millisecond)
		}
		s0 := stats()
		k := &cli{t: t}
		r, err := k.do(true, time.Minute, false, func(r *result) bool { return r.chunks < *after })
		closed := time.Now()
		if err != nil || r.status != 200 {
			fmt.Fprintln(os.Stderr, "abort: status", r.status, err)
			missed++
			continue
		}
		found := false
		for time.Since(closed) < *wait {
			s := stats()
			if s.Aborted > s0.Aborted {
				out = append(out, float64(s.LastAbortNs-closed.UnixNano())/1e6)
				found = true
				break
			}
			if s.Done > s0.Done {
				break
			}
			time.Sleep(5 * time.Millisecond)
		}
		if !found {
			missed++
		}
	}
	sort.Float64s(out)
	med := -1.0
	if len(out) > 0 {
		med = out[len(out)/2]
	}
	json.NewEncoder(os.Stdout).Encode(map[string]interface{}{"noticed": len(out), "not_noticed": missed, "median_ms": med, "all_ms": out})
}
