using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Api;

namespace KvmAgent.Coordinator.Machines.Pods;

/// <summary>
/// The kubelet's probes. httpGet and tcpSocket go to the pod's address, which is the guest's; where nothing is asked for, and for
/// guestAgentPing, the agent says how it is by the times of its files, which it keeps ahead of now.
/// </summary>
internal static class Probes
{
    public static JsonObject Readiness(VmProbe? asked, string runDir) =>
        Network(asked) ?? File($"{runDir}/ready", asked, period: 5, timeout: 5, failures: 2);

    public static JsonObject Liveness(VmProbe? asked, string runDir) =>
        Network(asked) ?? File($"{runDir}/live", asked, period: 20, timeout: 5, failures: 6);

    private static JsonObject? Network(VmProbe? asked) => asked switch
    {
        { HttpGet: { } http } => Timing(new JsonObject { ["httpGet"] = http.DeepClone() }, asked, null, null, null),
        { TcpSocket: { } tcp } => Timing(new JsonObject { ["tcpSocket"] = tcp.DeepClone() }, asked, null, null, null),
        _ => null,
    };

    private static JsonObject File(string path, VmProbe? asked, int period, int timeout, int failures) => Timing(
        new JsonObject { ["exec"] = new JsonObject { ["command"] = new JsonArray("test", path, "-nt", "/proc/self") } }, asked, period, timeout, failures);

    private static JsonObject Timing(JsonObject probe, VmProbe? asked, int? period, int? timeout, int? failures)
    {
        Set("initialDelaySeconds", asked?.InitialDelaySeconds);
        Set("periodSeconds", asked?.PeriodSeconds ?? period);
        Set("timeoutSeconds", asked?.TimeoutSeconds ?? timeout);
        Set("successThreshold", asked?.SuccessThreshold);
        Set("failureThreshold", asked?.FailureThreshold ?? failures);
        return probe;

        void Set(string name, int? value)
        {
            if (value is { } number)
            {
                probe[name] = number;
            }
        }
    }
}
