# violates shell-syntax as packaging/sample.sh
if true; then
	echo unfinished
