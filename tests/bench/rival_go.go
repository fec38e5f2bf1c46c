// The work of `make bench` with Go's net/http. Usage: rival_go URL ITEMS CONCURRENCY CONFIG WARM
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"sort"
	"strconv"
	"sync"
	"syscall"
	"time"
)

type object = map[string]any

type client struct {
	http   http.Client
	agents string
	config object
	lock   sync.Mutex
	times  []float64
}

func (c *client) call(method, url string, body, answer any) {
	start := time.Now()
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			log.Fatal(err)
		}
		content = bytes.NewReader(text)
	}
	request, err := http.NewRequest(method, url, content)
	if err != nil {
		log.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer ak_bench")
	request.Header.Set("Accept", "application/json")
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := c.http.Do(request)
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode > 299 {
		log.Fatal(url, ": ", response.Status)
	}
	text, err := io.ReadAll(response.Body)
	if err == nil {
		err = json.Unmarshal(text, answer)
	}
	if err != nil {
		log.Fatal(err)
	}
	c.lock.Lock()
	c.times = append(c.times, time.Since(start).Seconds())
	c.lock.Unlock()
}

func (c *client) work(index int) {
	name := fmt.Sprintf("Agent %06d", index)
	var found, numbers []any
	var agent, version object
	c.call("GET", c.agents+"?name="+url.QueryEscape(name), nil, &found)
	if len(found) > 0 {
		log.Fatal("found ", name)
	}
	c.call("POST", c.agents, object{"name": name, "active": true}, &agent)
	versions := c.agents + "/" + agent["id"].(string) + "/versions"
	c.call("POST", versions, object{"config": c.config}, &version)
	publish := fmt.Sprintf("%s/%.0f/publish", versions, version["version"].(float64))
	c.call("POST", publish, object{"phone_numbers": []string{"+15551234567"}, "direction": "both"}, &numbers)
}

func (c *client) run(items, concurrency int) {
	var group sync.WaitGroup
	indices := make(chan int)
	c.times = nil
	for i := 0; i < concurrency; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
			for index := range indices {
				c.work(index)
			}
		}()
	}
	for index := 1; index <= items; index++ {
		indices <- index
	}
	close(indices)
	group.Wait()
}

func processorSeconds() float64 {
	var usage syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()).Seconds()
}

func number(text string) int {
	value, err := strconv.Atoi(text)
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func main() {
	concurrency := number(os.Args[3])
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = concurrency
	c := &client{http: http.Client{Transport: transport}, agents: os.Args[1] + "/core/agents"}
	text, err := os.ReadFile(os.Args[4])
	if err == nil {
		err = json.Unmarshal(text, &c.config)
	}
	if err != nil {
		log.Fatal(err)
	}
	c.run(number(os.Args[5]), concurrency)
	wall, cpu := time.Now(), processorSeconds()
	c.run(number(os.Args[2]), concurrency)
	seconds, used := time.Since(wall).Seconds(), processorSeconds()-cpu
	sort.Float64s(c.times)
	fmt.Println(seconds, used, c.times[len(c.times)/2], c.times[len(c.times)*99/100])
}
