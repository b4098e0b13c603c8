package stage

import (
	"context"
	"fmt"
	"net/url"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/client"
)

// Page is an address of the console.
type Page struct {
	Name string // for a file's name
	URL  string // path and query
}

// Pages lists the console's pages on a server, each once or a few times, for the
// services that show most: with a rollout that goes on, with many versions, in a
// group. Pages that need what the server does not have are left out.
func Pages(ctx context.Context, server, token string) ([]Page, error) {
	c := client.New(server, token)
	services, err := c.Services(ctx)
	if err != nil {
		return nil, err
	}
	pages := []Page{{"services", "/"}}
	if moving := most(services, func(s api.Service) int {
		if s.Rollout == nil || s.Rollout.Phase.Ended() {
			return 0
		}
		return s.Replicas.Desired
	}); moving != nil {
		at := "/services/" + url.PathEscape(moving.Name)
		pages = append(pages, Page{"service-updating", at}, Page{"update", at + "/update"}, Page{"rollout", at + "/rollouts/" + url.PathEscape(moving.Rollout.ID)})
	}
	if paused := most(services, func(s api.Service) int {
		if s.Replicas.Failed > 0 {
			return 1
		}
		return 0
	}); paused != nil {
		pages = append(pages, Page{"service-failed", "/services/" + url.PathEscape(paused.Name)})
	}
	if many := most(services, func(s api.Service) int { return s.LatestVersion }); many != nil {
		at := "/services/" + url.PathEscape(many.Name)
		pages = append(pages, Page{"service", at}, Page{"versions", at + "/versions"}, Page{"version", fmt.Sprintf("%s/versions/%d", at, many.LatestVersion)})
		if many.LatestVersion > 1 {
			pages = append(pages, Page{"compare", fmt.Sprintf("%s/compare?from=1&to=%d", at, many.LatestVersion)})
		}
	}
	pages = append(pages, Page{"groups", "/groups"})
	if member := most(services, func(s api.Service) int { return len(s.Group) }); member != nil {
		pages = append(pages, Page{"group", "/groups/" + url.PathEscape(member.Group)})
	}
	return append(pages, Page{"events", "/events"}, Page{"audit", "/audit"}, Page{"gateway", "/gateway"}, Page{"settings", "/settings"}), nil
}

// most is the service with the highest value above 0.
func most(services []api.Service, value func(api.Service) int) *api.Service {
	var best *api.Service
	for i := range services {
		if v := value(services[i]); v > 0 && (best == nil || v > value(*best)) {
			best = &services[i]
		}
	}
	return best
}
