package server

import (
	"context"
	"io"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/controller"
	"sluice.dev/sluice/internal/store"
)

// Releases is what the API needs of the controller. Errors are those of package
// controller; the server turns them into problem details.
type Releases interface {
	List(ctx context.Context) []api.Service
	Get(ctx context.Context, name string) (api.Service, error)
	Create(ctx context.Context, by controller.By, doc api.Document) (controller.Outcome, error)
	Update(ctx context.Context, by controller.By, name string, doc api.Document, replace bool) (controller.Outcome, error)
	// Preview says what Update would do with the same file.
	Preview(ctx context.Context, name string, doc api.Document, replace bool) (api.Preview, error)
	Delete(ctx context.Context, by controller.By, name string) (controller.Outcome, error)
	Scale(ctx context.Context, by controller.By, name string, instance int) (controller.Outcome, error)
	Restart(ctx context.Context, by controller.By, name string) (controller.Outcome, error)
	Pause(ctx context.Context, by controller.By, name string) (controller.Outcome, error)
	Resume(ctx context.Context, by controller.By, name string) (controller.Outcome, error)
	Stop(ctx context.Context, by controller.By, name string) (controller.Outcome, error)
	Start(ctx context.Context, by controller.By, name string) (controller.Outcome, error)
	// Rollback goes to the version given, or to the one it chooses for version
	// 0, and Outcome.Text says which.
	Rollback(ctx context.Context, by controller.By, name string, ask api.Rollback) (controller.Outcome, error)
	// Preflight looks in full whether a rollback to a version would work; to all
	// of them for 0.
	Preflight(ctx context.Context, name string, version int) ([]api.VersionPreflight, error)
	Plan(ctx context.Context, name string) (api.Plan, error)
	// CreatePlan is refused where there is a plan; ChangePlan makes one where
	// there is none.
	CreatePlan(ctx context.Context, by controller.By, name string, change api.PlanChange) (controller.Outcome, error)
	ChangePlan(ctx context.Context, by controller.By, name string, change api.PlanChange) (controller.Outcome, error)
	RollBackPlan(ctx context.Context, by controller.By, name string) (controller.Outcome, error)
	DeletePlan(ctx context.Context, by controller.By, name string) (controller.Outcome, error)
	Groups(ctx context.Context) []api.Group
	Group(ctx context.Context, name string) (api.Group, error)
	CompareTraffic(ctx context.Context, name string, window time.Duration) (api.Comparison, error)
	CreateGroup(ctx context.Context, by controller.By, name string, change api.GroupChange) (api.Group, error)
	ChangeGroup(ctx context.Context, by controller.By, name string, change api.GroupChange) (api.Group, error)
	// DeleteGroup has members go on by themselves, or deletes them too.
	DeleteGroup(ctx context.Context, by controller.By, name string, cascade bool) error
	// Release sets a member's weight and traffic state.
	Release(ctx context.Context, by controller.By, name string, release api.Release) (controller.Outcome, error)
	// Freeze has changes of a service or a group refused; nil allows them again.
	Freeze(ctx context.Context, by controller.By, name string, freeze *api.Freeze) error
	// PauseAll pauses what is in progress and names what it paused.
	PauseAll(ctx context.Context, by controller.By) ([]string, error)
	Shift(ctx context.Context, name string) (api.Shift, error)
	ChangeShift(ctx context.Context, by controller.By, name string, change api.ShiftChange) (controller.Outcome, error)
	AbortShift(ctx context.Context, by controller.By, name string) (controller.Outcome, error)
	Promotion(ctx context.Context, name string) (api.Promotion, error)
	Promote(ctx context.Context, by controller.By, name string, change api.PromoteChange) (controller.Outcome, error)
	AbortPromotion(ctx context.Context, by controller.By, name string) (controller.Outcome, error)
	Abandon(ctx context.Context, by controller.By, name string, stop bool) (controller.Outcome, error)
	Mirror(ctx context.Context, name string) (api.Mirror, error)
	// SetMirror has requests copied to another service; nil ends that.
	SetMirror(ctx context.Context, by controller.By, name string, mirror *api.Mirror) (controller.Outcome, error)
	Versions(ctx context.Context, name string, page controller.Page) ([]api.Version, error)
	Version(ctx context.Context, name string, number int) (api.Version, error)
	Diff(ctx context.Context, name string, pair controller.Pair) (api.Diff, error)
	Export(ctx context.Context, name string) (api.Export, error)
	Import(ctx context.Context, by controller.By, e api.Export, as controller.As) (controller.Outcome, error)
	// Pin keeps a version for good, or lets it go with the others again.
	Pin(ctx context.Context, by controller.By, name string, number int, pinned bool) (controller.Outcome, error)
	Rollouts(ctx context.Context, name string) ([]api.Rollout, error)
	Rollout(ctx context.Context, name, id string) (api.Rollout, error)
	Replicas(ctx context.Context, name string) ([]api.Replica, error)
	Replica(ctx context.Context, name, id string) (api.Replica, error)
	// EvictReplica has a replica replaced by another of its own version.
	EvictReplica(ctx context.Context, by controller.By, name, id string) (controller.Outcome, error)
	Events(ctx context.Context, q store.EventQuery) ([]api.Event, error)
	// Series is what was measured of a service over a window that ends now, of one
	// version or of all for 0.
	Series(ctx context.Context, name string, window time.Duration, version int) (api.Series, error)
	// Gateways shows the gateways, and the replicas that drain or have requests in
	// hand; with a service, all of its replicas and those alone.
	Gateways(ctx context.Context, service string) (api.GatewayView, error)
	// Logs reads the logs of one replica, or of all of the service when replica
	// is "", each line then begins with the replica's id.
	Logs(ctx context.Context, name, replica string, tail int, follow bool) (io.ReadCloser, error)
	// Watch sends the names of services that changed and their new events until
	// ctx is done. A slow reader loses events, never the last state: Missed says so.
	Watch(ctx context.Context) <-chan controller.News
}
