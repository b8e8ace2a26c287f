using KvmAgent.Coordinator.Subresources;
using Microsoft.AspNetCore.Http;

namespace KvmAgent.Coordinator.Tests.Subresources;

public sealed class RequestUserTests
{
    [Fact]
    public void Each_group_comes_in_a_line_of_its_own_and_extra_keys_are_percent_encoded()
    {
        var user = RequestUser.From(new HeaderDictionary
        {
            ["X-Remote-User"] = "jane",
            ["X-Remote-Uid"] = "42",
            ["X-Remote-Group"] = new[] { "dev", "a, b" },
            ["X-Remote-Extra-Authentication.kubernetes.io%2fcredential-Id"] = new[] { "one", "two" },
        })!;
        (user.Name, user.Uid).ShouldBe(("jane", "42"));
        user.Groups.ShouldBe(["dev", "a, b"]);
        user.Extra["authentication.kubernetes.io/credential-id"].ShouldBe(["one", "two"]);
    }

    [Theory]
    [InlineData]
    [InlineData("")]
    [InlineData("jane", "system:admin")]
    public void Without_exactly_one_user_it_is_nobodys(params string[] users) =>
        RequestUser.From(users.Length == 0 ? [] : new HeaderDictionary { ["X-Remote-User"] = users }).ShouldBeNull();
}
