using System.Text;
using KvmAgent.TestSupport.Api;
using static KvmAgent.TestSupport.Tests.Samples;

namespace KvmAgent.TestSupport.Tests;

public sealed class ComplaintTests : ServerTest
{
    [Theory]
    [InlineData("GET", "/apis/none.io/v1/things", null, "application/json", 404)]
    [InlineData("GET", "/api/v1/namespaces/default/pods/p/attach", null, "application/json", 404)]
    [InlineData("GET", "/api/v1/namespaces/default/pods?resourceversion=1", null, "application/json", 400)]
    [InlineData("GET", "/api/v1/namespaces/default/pods?labelSelector=a%20near%20(b)", null, "application/json", 400)]
    [InlineData("POST", "/api/v1/pods", "{}", "application/json", 404)]
    [InlineData("POST", "/api/v1/namespaces/default/configmaps", "{", "application/json", 400)]
    [InlineData("POST", "/api/v1/namespaces/default/configmaps", "x", "application/vnd.kubernetes.protobuf", 415)]
    [InlineData("POST", "/api/v1/namespaces/default/configmaps", "{\"apiVersion\":\"v1\",\"kind\":\"Secret\"}", "application/json", 400)]
    [InlineData("POST", "/api/v1/namespaces/default/configmaps", "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"x\",\"namespace\":\"other\"}}", "application/json", 400)]
    [InlineData("POST", "/api/v1/namespaces/default/configmaps", "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"x\",\"resourceVersion\":\"1\"}}", "application/json", 500)]
    [InlineData("PATCH", "/api/v1/namespaces/default/configmaps/a", "{}", "application/json", 415)]
    [InlineData("DELETE", "/api/v1/namespaces/default/configmaps/a", "{\"propagation\":\"Orphan\"}", "application/json", 400)]
    [InlineData("DELETE", "/api/v1/namespaces/default/configmaps/a", "{\"propagationPolicy\":\"orphan\"}", "application/json", 422)]
    public async Task What_no_client_should_send_is_refused_and_recorded(string method, string path, string? body, string type, int expected)
    {
        await Client.PostAsync(Maps, Map("a"));
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        if (body is not null)
        {
            request.Content = new StringContent(body, Encoding.UTF8, type);
        }

        using var response = await Client.Http.SendAsync(request);
        ((int)response.StatusCode).ShouldBe(expected);
        (await response.Content.ReadAsStringAsync()).ShouldContain("\"kind\":\"Status\"");
        Server.TakeComplaints().ShouldHaveSingleItem();
    }

    [Fact]
    public async Task A_field_that_a_built_in_kind_does_not_have_is_dropped_and_recorded()
    {
        var (code, map) = await Client.PostAsync(Maps, """{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","label":{}},"datas":{}}""");
        code.ShouldBe(201);
        map["datas"].ShouldBeNull();
        Server.TakeComplaints().Count.ShouldBe(2);
    }

    [Fact]
    public async Task A_complaint_that_no_test_took_fails_the_disposal()
    {
        var server = await TestApiServer.StartAsync();
        using (var client = new Client(server))
        {
            (await client.GetAsync("/nowhere")).Code.ShouldBe(404);
        }

        (await Should.ThrowAsync<InvalidOperationException>(async () => await server.DisposeAsync())).Message.ShouldContain("/nowhere");
    }

    [Fact]
    public async Task Accepting_protobuf_first_gets_JSON()
    {
        Client.Http.DefaultRequestHeaders.Accept.ParseAdd("application/vnd.kubernetes.protobuf,application/json");
        (await Client.GetAsync(Maps)).Body["kind"]!.GetValue<string>().ShouldBe("ConfigMapList");
    }
}
