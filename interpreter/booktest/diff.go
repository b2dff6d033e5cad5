package booktest

// diff aligns the lines of what was expected with those that were got.
func diff(want, got []string) []string {
	return align(len(want), len(got), func(i, j int) bool { return want[i] == got[j] },
		func(i int) string { return want[i] }, func(j int) string { return got[j] })
}

// maxAligned bounds the work of aligning, in pairs of lines.
const maxAligned = 4 << 20

// align returns a diff of two lists: "- " what is expected and missing, "+ "
// what is there unexpectedly, two spaces before what both have. It keeps as
// much as possible in common.
func align(wants, gots int, equal func(i, j int) bool, want, got func(int) string) []string {
	var out []string
	if wants*gots > maxAligned {
		for i := range wants {
			out = append(out, "- "+want(i))
		}
		for j := range gots {
			out = append(out, "+ "+got(j))
		}
		return out
	}
	// common[i][j] is how much want[i:] and got[j:] have in common.
	common := make([][]int, wants+1)
	for i := range common {
		common[i] = make([]int, gots+1)
	}
	for i := wants - 1; i >= 0; i-- {
		for j := gots - 1; j >= 0; j-- {
			if equal(i, j) {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	i, j := 0, 0
	for i < wants || j < gots {
		switch {
		case i < wants && j < gots && equal(i, j):
			out = append(out, "  "+got(j))
			i, j = i+1, j+1
		case j == gots || i < wants && common[i+1][j] >= common[i][j+1]:
			out = append(out, "- "+want(i))
			i++
		default:
			out = append(out, "+ "+got(j))
			j++
		}
	}
	return out
}
