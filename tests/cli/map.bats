#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# --map: a picture of the terminal's width in which no dirty chunk gets lost.

# shellcheck disable=SC2154 # stderr is of bats
bats_require_minimum_version 1.5.0
load helpers
load members
load bitmaps

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	export LC_ALL=C.UTF-8 COLUMNS=80
	unset NO_COLOR
}

map() { "$MDBITMAP" --map "$@"; }

# The cells alone, without labels and frame.
cells() { sed -n 's/^[^│|]*[│|]\(.*\)[│|]$/\1/p' <<<"$output"; }

@test "the picture fills the width of the terminal, and no more" {
	make_bitmap f sectors=$((1 << 27)) bits='ff 01'
	for COLUMNS in 40 80 133 200; do
		run -0 map f
		echo "$output"
		widest=0
		while read -r row; do
			((${#row} > widest)) && widest=${#row}
		done < <(sed 's/^ */&/; s/ /x/g' <<<"$output" | grep '│')
		((widest == COLUMNS - 1))
		(($(cells | wc -l) == 16))
	done
}

@test "few chunks make one row, many at most sixteen" {
	make_bitmap f sectors=960 bits=b5
	run -0 map f
	echo "$output"
	(($(cells | wc -l) == 1))
	[[ $(cells | sed -E 's/(.)\1+/\1/g') == '█·█·█·█' ]]
	make_bitmap f sectors=$((300 * 128))
	run -0 map f
	(($(cells | wc -l) == 4))
	make_bitmap f sectors=$((1 << 27))
	run -0 map f
	(($(cells | wc -l) == 16))
}

@test "one dirty chunk in a million is seen" {
	for at in 256 65537 131327; do
		make_bitmap f sectors=$((1 << 27))
		bytes f $at 10
		run -0 map f
		[[ $(cells | sed 's/·//g' | tr -d '\n') == ░ ]]
		LC_ALL=C run -0 map f
		[[ $(cells | tr -d ' \n') == . ]]
	done
}

@test "one clean chunk in a million is seen" {
	make_bitmap f sectors=$((1 << 27))
	yes $'\377' | tr -d '\n' | head -c 131072 | dd of=f bs=256 seek=1 conv=notrunc status=none
	run -0 map f
	[[ $(cells | sed 's/█//g' | tr -d '\n') == '' ]]
	bytes f 70000 ef
	run -0 map f
	[[ $(cells | sed 's/█//g' | tr -d '\n') == ▓ ]]
}

@test "rows are labelled with where they begin, the end with the size" {
	make_bitmap f sectors=$((1 << 30)) chunk=524288
	run -0 map f
	echo "$output"
	mapfile -t labels < <(sed -n 's/^ *\([^│]*[^│ ]\) *│.*/\1/p' <<<"$output")
	[[ ${labels[0]} == "0 B" && ${labels[8]} == "256 GiB" ]]
	grep -qE '^ *512 GiB$' <<<"$output"
	run -0 map --bytes f
	grep -qE '^ *274877906944 B │' <<<"$output"
}

@test "size, chunks and what is dirty are above the picture" {
	make_bitmap f bits='ff 01'
	run -0 map f
	[[ ${lines[0]} == f ]]
	[[ ${lines[1]} == "1 GiB in 16384 chunks of 64 KiB: 9 dirty (0.1%), 576 KiB" ]]
	[[ $output == *"a cell: "* ]]
}

@test "without UTF-8 the picture is plain ASCII" {
	make_bitmap f bits='ff 01 00 ff'
	LC_ALL=C run -0 map f
	[[ $(cells) == *[.:+#]* ]]
	LC_ALL=C run ! grep -q '[^ -~]' <<<"$output"
}

@test "no escape sequences unless it is a terminal or asked for" {
	make_bitmap f bits='ff 01'
	run -0 map f
	[[ $output != *$'\033'* ]]
	run -0 map --color=always f
	[[ $output == *$'\033[33m'* && $output == *$'\033[0m'* ]]
}

@test "json has the cells, which together are the array" {
	make_bitmap f sectors=$((1000003 * 128 - 17)) bits='ff 01'
	bytes f $(($(stat -c %s f) - 1)) 07
	run -0 map --json f
	jq -e '.mode == "map" and .chunks == 1000003 and .dirty_chunks == 12 and
		.dirty_bytes == 12 * 65536 - 17 * 512 and
		([.cells[].chunks] | add) == .chunks and
		([.cells[].dirty_chunks] | add) == .dirty_chunks and
		.cells[0].start_bytes == 0 and .cells[-1].end_bytes == .size_bytes and
		([range(1; .cells | length) as $i | .cells[$i].start_bytes == .cells[$i - 1].end_bytes] | all) and
		(.cells | length) == 16 * .cells_per_row' <<<"$output"
	make_bitmap f sectors=960 bits=b5
	run -0 map --json f
	jq -e '[.cells[].dirty_chunks] == [1, 0, 1, 0, 1, 1, 0, 1]' <<<"$output"
}

@test "one node of a clustered bitmap is drawn if named" {
	for k in 0 1; do
		make_super f $((4096 * k)) version=5 nodes=2 sectors=128 chunk=4096
		bytes f $((4096 * k + 256 + k)) ff
	done
	truncate -s 8K f
	run -0 map --json f
	jq -e '.dirty_chunks == 16' <<<"$output"
	run -0 map --json --node=0 f
	jq -e '.dirty_chunks == 8 and .cells[7].dirty_chunks == 1 and .cells[8].dirty_chunks == 0' <<<"$output"
}

@test "a bitmap of nothing is no picture and no error" {
	make_bitmap f sectors=0
	run -0 map f
	[[ ${lines[1]} == "0 B in 0 chunks"* ]]
	run -0 map --svg=f.svg f
}

# element NAME: how many begin and end.
balanced() {
	local name=$1 file=$2
	(($(grep -oE "<${name}[ >]" "$file" | wc -l) == $(grep -o "</$name>" "$file" | wc -l)))
}

@test "the svg stands alone, is well-formed, and names every dirty cell" {
	make_bitmap f sectors=$((1 << 27)) bits='ff 01'
	bytes f 131000 ff ff ff
	run -0 --separate-stderr map --svg=f.svg f
	[[ ! $output && $stderr == *"f: drawn into f.svg" ]]
	[[ $(head -c 4 f.svg) == '<svg' && $(tail -n 1 f.svg) == '</svg>' ]]
	for name in svg title desc text g defs pattern; do
		balanced $name f.svg
	done
	run ! grep -qE '<script|<image|href|url\([^#]' f.svg
	(($(grep -c 'rect.*<title>.*: 9 of 1024 chunks dirty</title>' f.svg) == 1))
	grep -q '<title>64 MiB to ' f.svg
	grep -q "<desc>$(map f | sed -n 2p)</desc>" f.svg
	(($(stat -c %s f.svg) < 20000))
}

@test "the svg of the worst bitmap is below 200 kB, and well-formed XML" {
	make_bitmap 'a<&>.bitmap' sectors=$((1 << 27))
	head -c 131072 /dev/urandom | dd of='a<&>.bitmap' bs=256 seek=1 conv=notrunc status=none
	run -0 map --quiet --svg=f.svg 'a<&>.bitmap'
	(($(stat -c %s f.svg) < 200000))
	(($(grep -c 'chunks dirty</title></rect>' f.svg) == 1024))
	grep -qF 'a&lt;&amp;&gt;.bitmap</title>' f.svg
	type -P xmllint >/dev/null || skip "well-formed XML: needs xmllint"
	xmllint --noout f.svg
}

@test "the svg replaces nothing, and a full disk leaves nothing" {
	make_bitmap f
	echo mine >f.svg
	run -5 --separate-stderr map --svg=f.svg f
	[[ $stderr == *"f.svg: exists already"* && $(<f.svg) == mine ]]
	run -4 map --svg=absent/f.svg f
}

@test "with --svg, --json still prints the cells" {
	make_bitmap f bits='ff 01'
	run -0 map --json --svg=f.svg f
	jq -e '.svg_file == "f.svg" and .dirty_chunks == 9 and (.cells | length) == 1024' <<<"$output"
	[[ -s f.svg ]]
}

@test "a truncated bitmap is not drawn" {
	make_bitmap f length=1000
	run -6 --separate-stderr map f
	[[ ! $output && $stderr == *truncated* ]]
}
