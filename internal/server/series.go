package server

import (
	"context"
	"net/http"
	"time"

	"sluice.dev/sluice/api"
)

type seriesInput struct {
	Named
	Minutes int `query:"minutes" minimum:"1" maximum:"1440" default:"60" doc:"how long, up to now: in steps of 10 s up to 60, of a minute beyond"`
	Version int `query:"version" minimum:"1" doc:"only this version"`
}

type seriesOutput struct {
	Body api.Series
}

func (s *server) routeSeries() {
	register(s, operation(http.MethodGet, prefix+"/services/{name}/series", "get-series", services,
		"Show what was measured lately", "Requests, errors, latency and ready replicas of each version over up to a day, with marks for what was done to rollouts. What was not measured has no point.", 404),
		func(ctx context.Context, in *seriesInput) (*seriesOutput, error) {
			out, err := s.cfg.Releases.Series(ctx, in.Name, time.Duration(in.Minutes)*time.Minute, in.Version)
			out.Points, out.Marks = orEmpty(out.Points), orEmpty(out.Marks)
			return &seriesOutput{out}, err
		})
}
