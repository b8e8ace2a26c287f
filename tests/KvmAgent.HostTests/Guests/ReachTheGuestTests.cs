using System.Globalization;
using KvmAgent.HostTests.Support;

namespace KvmAgent.HostTests.Guests;

/// <summary>The guest has the pod's address: every port and protocol but TCP 5900.</summary>
[Collection(nameof(RunningGuest))]
public class ReachTheGuestTests(RunningGuest guest)
{
    private PodNamespace Pod => guest.Pod;

    [Theory]
    [InlineData(80)]
    [InlineData(8080)]
    [InlineData(5901)]
    public async Task Its_tcp_ports_answer_at_the_pods_address(int port) =>
        (await Pod.GetAsync("/", port: port)).ShouldContain("fixture");

    [Theory]
    [InlineData("TCP4", "7", PodNamespace.Address)]
    [InlineData("TCP6", "7", PodNamespace.Address6)]
    [InlineData("UDP4", "7", PodNamespace.Address)]
    [InlineData("UDP4", "53", PodNamespace.Address)]
    [InlineData("UDP4", "5900", PodNamespace.Address)]
    [InlineData("UDP6", "7", PodNamespace.Address6)]
    public async Task It_echoes(string transport, string port, string address)
    {
        var host = address.Contains(':', StringComparison.Ordinal) ? $"[{address}]" : address;
        var answer = await Pod.Node.TryRunAsync(["socat", "-t", "3", "-", $"{transport}:{host}:{port}"], "hello guest\n");
        answer.Output.ShouldContain("hello guest", customMessage: answer.Error);
    }

    [Theory]
    [InlineData("UDP4", PodNamespace.Address)]
    [InlineData("UDP6", PodNamespace.Address6)]
    public async Task Datagrams_in_fragments_come_through_both_ways(string transport, string address)
    {
        var before = await CounterAsync("Ip: ReasmOKs", "Ip6ReasmOKs", transport);
        var host = address.Contains(':', StringComparison.Ordinal) ? $"[{address}]" : address;
        var datagram = string.Concat(Enumerable.Range(0, 400).Select(n => n.ToString("D10", CultureInfo.InvariantCulture)));
        var answer = await Pod.Node.TryRunAsync(["socat", "-b", "8192", "-t", "3", "-", $"{transport}:{host}:7"], datagram);
        answer.Output.ShouldBe(datagram, answer.Error);
        (await CounterAsync("Ip: ReasmOKs", "Ip6ReasmOKs", transport)).ShouldBeGreaterThan(before);
    }

    [Fact]
    public async Task Pings_are_answered_by_the_guest_and_not_by_the_pods_kernel()
    {
        var before = await SnmpAsync("Icmp", "InEchos");
        await Pod.Node.RunAsync("ping", "-c", "3", "-i", "0.2", "-w", "10", PodNamespace.Address);
        (await SnmpAsync("Icmp", "InEchos")).ShouldBeGreaterThanOrEqualTo(before + 3);
    }

    [Fact]
    public async Task An_ip_protocol_that_nobody_knows_reaches_the_guest()
    {
        var answer = await Pod.Node.TryRunAsync(["socat", "-t", "3", "-", $"IP4-SENDTO:{PodNamespace.Address}:253"], "protocol 253");
        answer.Output.ShouldContain("protocol 253", customMessage: answer.Error);
    }

    [Fact]
    public async Task Vnc_answers_on_5900_from_outside_and_for_a_port_forward()
    {
        var outside = await Pod.Node.TryRunAsync(["socat", "-t", "3", "-u", $"TCP4:{PodNamespace.Address}:5900,readbytes=12", "-"]);
        outside.Output.ShouldBe("RFB 003.008\n", outside.Error);
        var inside = await Pod.Pod.TryRunAsync(["socat", "-t", "3", "-u", "TCP4:127.0.0.1:5900,readbytes=12", "-"]);
        inside.Output.ShouldBe("RFB 003.008\n", inside.Error);
    }

    [Fact]
    public async Task The_guest_sees_who_calls_and_is_seen_as_the_pod_when_it_calls()
    {
        (await Pod.GetAsync("/peer")).Trim().ShouldBe(PodNamespace.Client);

        await using var server = Pod.Node.Start("socat", "-d", "-d", "-d", $"TCP4-LISTEN:9000,bind={PodNamespace.Client},reuseaddr", "STDOUT");
        await server.WaitForLineAsync("listening on");
        await guest.Agent.CommandAsync(["console"], $"echo from-the-guest | nc -w 3 {PodNamespace.Client} 9000\n");
        var accepted = await server.WaitForLineAsync("accepting connection from");
        accepted.ShouldContain(PodNamespace.Address + ":");
        await server.WaitForLineAsync("from-the-guest");
    }

    [Fact]
    public async Task The_guest_reaches_neither_vnc_nor_the_pod_by_its_gateway_but_itself_by_the_pods_address()
    {
        await using var sidecar = Pod.Pod.Start("socat", "TCP4-LISTEN:8443,fork,reuseaddr", "SYSTEM:echo sidecar");
        var script = string.Concat(new[] { "192.168.254.1:5900", "192.168.254.1:8443", $"{PodNamespace.Address}:5900" }.Select(
            target => $"nc -w 2 {target.Replace(':', ' ')} </dev/null | wc -c | sed 's/^/{target} gave /'\n"));
        var answer = await guest.Agent.CommandAsync(
            ["console"], script + $"wget -q -O - http://{PodNamespace.Address}/peer | sed 's/^/hairpin from /'\n");
        await guest.Agent.WaitForLineAsync("hairpin from 192.168.254.1");
        foreach (var target in new[] { "192.168.254.1:5900", "192.168.254.1:8443", $"{PodNamespace.Address}:5900" })
        {
            guest.Agent.Lines.ShouldContain(l => l.EndsWith($"{target} gave 0", StringComparison.Ordinal), answer.Output);
        }
    }

    private async Task<long> CounterAsync(string v4, string v6, string transport)
    {
        if (transport.EndsWith('6'))
        {
            var line = (await Pod.GetAsync("/counters")).Split('\n').First(l => l.StartsWith(v6 + " ", StringComparison.Ordinal) || l.StartsWith(v6 + "\t", StringComparison.Ordinal));
            return long.Parse(line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
        }

        return await SnmpAsync(v4.Split(": ")[0], v4.Split(": ")[1]);
    }

    /// <summary>A counter of the guest's own /proc/net/snmp: two lines for each protocol, names and values.</summary>
    private async Task<long> SnmpAsync(string protocol, string counter)
    {
        var lines = (await Pod.GetAsync("/counters")).Split('\n').Where(l => l.StartsWith(protocol + ":", StringComparison.Ordinal)).ToArray();
        var index = Array.IndexOf(lines[0].Split(' '), counter);
        return long.Parse(lines[1].Split(' ')[index], CultureInfo.InvariantCulture);
    }
}
