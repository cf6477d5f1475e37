package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
)

// errGone says that the service has no such thing.
var errGone = errors.New("there is no such thing")

// statusDie is what the service answers to make the provider die without a word.
const statusDie = 599

// service is where things live.
type service struct {
	endpoint string
	token    string
}

// object is a thing as the service keeps it.
type object struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Value  string `json:"value"`
	Secret string `json:"secret"`
}

func (s *service) call(method, path string, body *object) (*object, error) {
	encoded, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequest(method, s.endpoint+path, bytes.NewReader(encoded))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+s.token)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	switch {
	case response.StatusCode == statusDie:
		os.Exit(1)
	case response.StatusCode == http.StatusNotFound:
		return nil, errGone
	case response.StatusCode >= 300:
		return nil, fmt.Errorf("the service answered %d: %s", response.StatusCode, answer)
	case len(answer) == 0:
		return nil, nil
	}
	var found object
	return &found, json.Unmarshal(answer, &found)
}
