using System.Text.Json;
using KvmAgent.HostTests.Support;

namespace KvmAgent.HostTests.Guests;

/// <summary>DHCP, router advertisements and the config drive, as the guest itself reports them.</summary>
[Collection(nameof(RunningGuest))]
public class WhatTheGuestIsToldTests(RunningGuest guest)
{
    private PodNamespace Pod => guest.Pod;

    [Fact]
    public async Task Its_network_is_the_pods()
    {
        var status = await Pod.GuestStatusAsync();
        status.GetProperty("address").GetString().ShouldBe("192.168.254.2");
        status.GetProperty("gateway").GetString().ShouldBe("192.168.254.1");
        status.GetProperty("mtu").GetInt32().ShouldBe(1400);
        status.Texts("dns").ShouldBe(["10.96.0.10", "10.96.0.11", "10.96.0.12"]);
        status.Texts("search").ShouldBe(["team.svc.cluster.local", "svc.cluster.local", "example.com"]);
        status.GetProperty("domain").GetString().ShouldBe("team.svc.cluster.local");
    }

    [Fact]
    public async Task Its_ipv6_address_is_the_one_that_the_pods_is_mapped_to()
    {
        var expected = (await guest.Agent.StatusAsync()).Network!.GuestIp6!;
        (await Pod.GuestStatusAsync()).Texts("ipv6").ShouldContain(a => a.StartsWith(expected + "/", StringComparison.Ordinal));
        (await Pod.GetAsync("/peer", PodNamespace.Address6)).ShouldStartWith("fd00:10:244:"); // the caller, not the gateway
    }

    [Fact]
    public async Task Its_config_drive_has_the_user_data_byte_for_byte_and_the_metadata_as_json()
    {
        (await Pod.GetAsync("/user-data")).ShouldBe(RunningGuest.UserData);
        using var metadata = JsonDocument.Parse(await Pod.GetAsync("/config/meta_data.json"));
        metadata.RootElement.GetProperty("hostname").GetString().ShouldBe("fixture");
        metadata.RootElement.GetProperty("version").GetString().ShouldBe("1.10");
        Guid.TryParse(metadata.RootElement.GetProperty("uuid").GetString(), out _).ShouldBeTrue();
        (await Pod.GuestStatusAsync()).GetProperty("name").GetString().ShouldBe("fixture");
    }
}
