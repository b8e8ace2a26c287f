using KvmAgent.Network;

namespace KvmAgent.Tests.Network;

public sealed class SearchListTests
{
    [Fact]
    public void An_ordinary_pods_list_fits()
    {
        string[] list = ["default.svc.cluster.local", "svc.cluster.local", "cluster.local", "corp.example"];
        SearchList.Fit(list).ShouldBe(list);
    }

    [Fact]
    public void Names_with_a_common_tail_take_little_room()
    {
        // 27 bytes for the first, then a label and a pointer: 2 + 2 bytes for each of one letter
        string[] list = ["x.svc.cluster-name.example", .. "abcdefghijklmnopqrstuvw".Select(letter => $"{letter}.svc.cluster-name.example")];
        SearchList.Fit(list).ShouldBe(list);
    }

    [Fact]
    public void What_goes_beyond_255_bytes_is_cut_off_the_end()
    {
        // Each name is 4 labels of 49 letters, 50 bytes each, and the root: 201 bytes.
        string Name(char letter) => string.Join('.', Enumerable.Repeat(new string(letter, 49), 4));

        // 1 + 51 = 52 and the root make 53: 254 in all; two letters more would be 256.
        SearchList.Fit([Name('a'), new string('b', 51), "c"]).ShouldBe([Name('a'), new string('b', 51)]);
        SearchList.Fit([Name('a'), new string('b', 53), "c"]).ShouldBe([Name('a')]);
    }
}
