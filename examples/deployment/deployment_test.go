// Package deployment holds the examples of deployments against the types that read
// them, so that a field that does not exist, or is of another kind, is found here.
package deployment

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	apps "k8s.io/api/apps/v1"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	policy "k8s.io/api/policy/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// documents returns the documents of a file by their kind.
func documents(t *testing.T, name string) map[string][]byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "kubernetes", name))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]byte{}
	for _, document := range bytes.Split(text, []byte("\n---\n")) {
		var head struct{ APIVersion, Kind string }
		if err := yaml.Unmarshal(document, &head); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		found[head.APIVersion+" "+head.Kind] = document
	}
	return found
}

// decode reads the document of a kind, and nothing that its type does not know.
func decode[T any](t *testing.T, from map[string][]byte, kind string) (v T) {
	t.Helper()
	if err := yaml.UnmarshalStrict(from[kind], &v); err != nil || from[kind] == nil {
		t.Fatalf("%s: %v", kind, err)
	}
	delete(from, kind)
	return v
}

func environment(c core.Container) map[string]string {
	set := map[string]string{}
	for _, v := range c.Env {
		set[v.Name] = v.Value
	}
	return set
}

// What is killed before it has handed its jobs back loses them for the time of a lease.
func TestExecutorsHaveTheTimeToEnd(t *testing.T) {
	all := documents(t, "executor.yaml")
	d := decode[apps.Deployment](t, all, "apps/v1 Deployment")
	pod := d.Spec.Template.Spec
	c := pod.Containers[0]
	if environment(c)["TAGEXEC_SHUTDOWN_GRACE"] != "60s" || *pod.TerminationGracePeriodSeconds <= 65 {
		t.Errorf("a grace of %s and %d s until it is killed", environment(c)["TAGEXEC_SHUTDOWN_GRACE"], *pod.TerminationGracePeriodSeconds)
	}
	if c.LivenessProbe.HTTPGet.Path != "/healthz" || c.ReadinessProbe.HTTPGet.Path != "/readyz" || c.LivenessProbe.HTTPGet.Port.String() != c.Ports[0].Name {
		t.Errorf("probes %+v %+v", c.LivenessProbe, c.ReadinessProbe)
	}
	if !*pod.SecurityContext.RunAsNonRoot || c.Args[0] != "serve" || d.Spec.Selector.MatchLabels["app"] != d.Spec.Template.Labels["app"] {
		t.Errorf("%+v", d.Spec)
	}
	if b := decode[policy.PodDisruptionBudget](t, all, "policy/v1 PodDisruptionBudget"); b.Spec.Selector.MatchLabels["app"] != d.Spec.Template.Labels["app"] {
		t.Errorf("the budget is for %v", b.Spec.Selector)
	}
	if len(all) != 0 {
		t.Errorf("not looked at: %v", all)
	}
}

func TestThePageIsReachedByItsService(t *testing.T) {
	all := documents(t, "dashboard.yaml")
	d := decode[apps.Deployment](t, all, "apps/v1 Deployment")
	s := decode[core.Service](t, all, "v1 Service")
	pod := d.Spec.Template.Spec
	c := pod.Containers[0]
	if c.Args[0] != "dashboard" || environment(c)["TAGEXEC_HTTP_ADDR"] != "0.0.0.0:8089" || c.Ports[0].ContainerPort != 8089 || !*pod.SecurityContext.RunAsNonRoot {
		t.Errorf("%+v", pod)
	}
	if s.Spec.Selector["app"] != d.Spec.Template.Labels["app"] || d.Spec.Selector.MatchLabels["app"] != s.Spec.Selector["app"] || s.Spec.Ports[0].TargetPort.String() != c.Ports[0].Name {
		t.Errorf("%+v", s.Spec)
	}
	if len(all) != 0 {
		t.Errorf("not looked at: %v", all)
	}
}

func TestTheMigrationEnds(t *testing.T) {
	j := decode[batch.Job](t, documents(t, "migrate.yaml"), "batch/v1 Job")
	pod := j.Spec.Template.Spec
	if pod.RestartPolicy != core.RestartPolicyNever || !slices.Equal(pod.Containers[0].Args, []string{"migrate", "up"}) {
		t.Errorf("%+v", pod)
	}
}

// What KEDA's types know of that the example uses: its module brings half of Kubernetes.
type (
	scaledObject struct {
		meta.TypeMeta
		Metadata meta.ObjectMeta
		Spec     struct {
			ScaleTargetRef                                                    struct{ Name string }
			MinReplicaCount, MaxReplicaCount, PollingInterval, CooldownPeriod int32
			Triggers                                                          []struct {
				Type              string
				Metadata          map[string]string
				AuthenticationRef struct{ Name string }
			}
		}
	}
	triggerAuthentication struct {
		meta.TypeMeta
		Metadata meta.ObjectMeta
		Spec     struct {
			SecretTargetRef []struct{ Parameter, Name, Key string }
		}
	}
)

func TestTheScalerAsksForWhatWaits(t *testing.T) {
	all := documents(t, "scale.yaml")
	s := decode[scaledObject](t, all, "keda.sh/v1alpha1 ScaledObject")
	a := decode[triggerAuthentication](t, all, "keda.sh/v1alpha1 TriggerAuthentication")
	trigger := s.Spec.Triggers[0]
	if trigger.Type != "postgresql" || trigger.AuthenticationRef.Name != a.Metadata.Name || a.Spec.SecretTargetRef[0].Parameter != "connection" ||
		trigger.Metadata["targetQueryValue"] == "" || !strings.Contains(trigger.Metadata["query"], "tagreport.queue_now") || s.Spec.ScaleTargetRef.Name != "tagexec" {
		t.Errorf("%+v", s.Spec)
	}
	if len(all) != 0 {
		t.Errorf("not looked at: %v", all)
	}
}

// compose reads a file as docker compose does, in which what is not known is an error.
// Files of secrets that it names exist for the time of the test.
func compose(t *testing.T, file string) *types.Project {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range []string{"env", "migrate.env", "page.env", "metrics-token"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	copied := filepath.Join(dir, "docker-compose.yml")
	if err := os.WriteFile(copied, text, 0o600); err != nil {
		t.Fatal(err)
	}
	options, err := cli.NewProjectOptions([]string{copied}, cli.WithName("tagexec"))
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(context.Background())
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return project
}

func TestComposeFilesAreWhole(t *testing.T) {
	for file, services := range map[string][]string{
		"../../docker-compose.yml":         {"dashboard", "executor", "migrate", "postgres"},
		"../production/docker-compose.yml": {"dashboard", "executor", "grafana", "migrate", "prometheus"},
	} {
		project := compose(t, file)
		if names := project.ServiceNames(); !slices.Equal(names, services) {
			t.Errorf("%s: services %q", file, names)
		}
		executor := project.Services["executor"]
		grace := 20.
		if set := executor.Environment["TAGEXEC_SHUTDOWN_GRACE"]; set != nil && *set == "60s" {
			grace = 60
		}
		if stop := executor.StopGracePeriod; stop == nil || stop.String() == "" || float64(*stop)/1e9 <= grace+5 {
			t.Errorf("%s: %v until it is killed", file, stop)
		}
	}
}

// The paths that the containers are given exist.
func TestComposeMountsWhatThereIs(t *testing.T) {
	text, err := os.ReadFile("../production/docker-compose.yml")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if path, _, isMount := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "- "), ":/etc/"); isMount && strings.HasPrefix(path, "../") {
			if _, err := os.Stat(filepath.Join("../production", path)); err != nil {
				t.Error(err)
			}
		}
	}
}
